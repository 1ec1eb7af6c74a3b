import { networkInterfaces } from 'node:os';
import { addressForPhones } from './address-for-phones';
import { Refused } from './run-command';

const LOCAL = { host: '127.0.0.1', port: 8080, publicUrl: undefined };

describe('the address in the QR code of a device', () => {
  test.each([
    ['https://gate.example.org/', undefined, 'https://gate.example.org'],
    [undefined, 'https://gate.example.org/x', 'https://gate.example.org/x'],
    ['https://gate.example.org', 'https://other.example.org', 'https://gate.example.org'],
    ['http://192.168.1.10:8080', undefined, 'http://192.168.1.10:8080'],
    ['http://128.0.0.1', undefined, 'http://128.0.0.1'],
    ['http://[2001:db8::1]:8080', undefined, 'http://[2001:db8::1]:8080'],
  ])('--url %s, PUBLIC_URL %s: nothing speaks against it', (named, publicUrl, url) => {
    expect(addressForPhones({ ...LOCAL, publicUrl }, named)).toEqual({ url, doubt: null });
  });

  test.each([
    'http://localhost:8080',
    'https://gate.localhost',
    'http://127.1.2.3',
    'http://0.0.0.0:8080',
    'http://[::1]:8080',
    'http://[::]',
    'http://[::ffff:127.0.0.1]',
    'http://2130706433',
  ])('%s is this machine itself', (named) => {
    expect(addressForPhones(LOCAL, named).doubt).toMatch(/^A phone cannot reach .*--url https:/);
    expect(addressForPhones({ ...LOCAL, publicUrl: named }, undefined).doubt).toMatch(/^A phone cannot reach /);
  });

  test('without any: where the server listens, with a remedy when that is this machine only', () => {
    const { url, doubt } = addressForPhones(LOCAL, undefined);
    expect(url).toBe('http://127.0.0.1:8080');
    expect(doubt).toMatch(/^A phone cannot reach .*Start Gatehouse with HOST=0\.0\.0\.0/);
  });

  test('of a server that listens everywhere: an address of this machine in its network, if it has one', () => {
    const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const { url, doubt } = addressForPhones({ ...LOCAL, host: '0.0.0.0' }, undefined);
    const inNetwork = own.some(({ family, internal }) => family === 'IPv4' && !internal);
    if (inNetwork)
      expect(doubt).toContain(`PUBLIC_URL is not set, so the app will look for ${url}: only phones in this`);
    else expect(doubt).toMatch(/^A phone cannot reach http:\/\/127\.0\.0\.1:8080/);
  });

  test.each(['gate.example.org', 'ftp://x', 'https://me:swordfish@x', 'https://x/?a', ''])(
    '--url %s is refused',
    (named) => {
      expect(() => addressForPhones(LOCAL, named)).toThrow(Refused);
      expect(() => addressForPhones(LOCAL, named)).not.toThrow('swordfish');
    },
  );
});
