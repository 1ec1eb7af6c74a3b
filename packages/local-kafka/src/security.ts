import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

export type Security = {
  /** What goes into server.properties. */
  readonly settings: Readonly<Record<string, string>>;
  /** The certificate that clients must trust, in PEM. */
  readonly ca: string;
};

/** A self-signed certificate for 127.0.0.1, made with the JDK's keytool, and the settings of SASL_SSL with PLAIN. */
export async function secured(folder: string, login: { user: string; password: string }): Promise<Security> {
  if (!/^\w+$/.test(login.user) || !/^[\w-]+$/.test(login.password)) {
    throw new Error('User and password of the local broker are letters, digits, - and _ only.');
  }
  const store = path.join(folder, 'keystore.p12');
  const ca = path.join(folder, 'ca.pem');
  const password = randomBytes(18).toString('hex');
  const secret = path.join(folder, 'keystore.password');
  await rm(store, { force: true });
  // A command line is for everybody to read.
  await writeFile(secret, password, { mode: 0o600 });
  const access = ['-alias', 'kafka', '-keystore', store, '-storetype', 'PKCS12', '-storepass:file', secret];
  const names = ['-dname', 'CN=localhost', '-ext', 'SAN=ip:127.0.0.1,dns:localhost'];
  await keytool(['-genkeypair', '-keyalg', 'RSA', '-keysize', '2048', '-validity', '3650', ...names, ...access]);
  await keytool(['-exportcert', '-rfc', '-file', ca, ...access]);
  const jaas = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${login.user}="${login.password}";`;
  return {
    ca: await readFile(ca, 'utf8'),
    settings: {
      'listener.name.clients.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.clients.plain.sasl.jaas.config': jaas,
      'listener.name.clients.ssl.keystore.location': store,
      'listener.name.clients.ssl.keystore.type': 'PKCS12',
      'listener.name.clients.ssl.keystore.password': password,
      'listener.name.clients.ssl.key.password': password,
    },
  };
}

async function keytool(args: readonly string[]): Promise<void> {
  const child = spawn('keytool', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0)
    throw new Error(`keytool could not make a certificate: ${said.trim().split('\n')[0] ?? `it ended with ${code}`}`);
}
