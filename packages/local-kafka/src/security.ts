import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** The login of all clients of the broker, by SASL (PLAIN). Anonymous access is not possible. */
export type Login = { readonly user: string; readonly password: string };

export type Security = {
  /** Entries of server.properties, which only its owner may read. */
  readonly settings: Readonly<Record<string, string>>;
  /** The certificate that clients must trust, in PEM, if they use TLS. */
  readonly ca: string | undefined;
};

/** The user for connections between the broker's own parts: their ports are open to every local user as well. */
const INTERNAL_USER = 'broker';

/**
 * Settings that make every listener of the broker require a password: that of `login` for clients (with `tls` over
 * SASL_SSL, with a self-signed certificate for 127.0.0.1 made by the JDK's keytool), and a new one for connections between
 * its parts.
 */
export async function secured(folder: string, login: Login, { tls }: { tls: boolean }): Promise<Security> {
  if (!/^\w+$/.test(login.user) || !/^[\w-]+$/.test(login.password)) {
    throw new Error('User and password of the local broker are letters, digits, - and _ only.');
  }
  const internal = randomBytes(24).toString('base64url');
  const itself = `username="${INTERNAL_USER}" password="${internal}" user_${INTERNAL_USER}="${internal}"`;
  const certificate = tls ? await certificateIn(folder) : undefined;
  return {
    ca: certificate?.ca,
    settings: {
      'listener.security.protocol.map': `CLIENTS:${tls ? 'SASL_SSL' : 'SASL_PLAINTEXT'},INTERNAL:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT`,
      'sasl.enabled.mechanisms': 'PLAIN',
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
      'sasl.mechanism.controller.protocol': 'PLAIN',
      'listener.name.clients.plain.sasl.jaas.config': plain(`user_${login.user}="${login.password}"`),
      'listener.name.internal.plain.sasl.jaas.config': plain(itself),
      'listener.name.controller.plain.sasl.jaas.config': plain(itself),
      ...certificate?.settings,
    },
  };
}

const plain = (options: string): string =>
  `org.apache.kafka.common.security.plain.PlainLoginModule required ${options};`;

/** The login of the broker on a folder: generated at its first start, stored in a file that only its owner can read. */
export async function ownLogin(folder: string): Promise<Login> {
  const file = path.join(folder, 'login.json');
  const kept = await readFile(file, 'utf8').catch(() => null);
  if (kept !== null) {
    await chmod(file, 0o600);
    return JSON.parse(kept) as Login;
  }
  const made: Login = { user: 'gatehouse', password: randomBytes(24).toString('base64url') };
  await writeFile(file, `${JSON.stringify(made)}\n`, { mode: 0o600 });
  return made;
}

async function certificateIn(folder: string): Promise<{ ca: string; settings: Readonly<Record<string, string>> }> {
  const store = path.join(folder, 'keystore.p12');
  const ca = path.join(folder, 'ca.pem');
  const password = randomBytes(18).toString('hex');
  const secret = path.join(folder, 'keystore.password');
  await rm(store, { force: true });
  // Through a file, because every local user can read command lines.
  await writeFile(secret, password, { mode: 0o600 });
  const access = ['-alias', 'kafka', '-keystore', store, '-storetype', 'PKCS12', '-storepass:file', secret];
  const names = ['-dname', 'CN=localhost', '-ext', 'SAN=ip:127.0.0.1,dns:localhost'];
  await keytool(['-genkeypair', '-keyalg', 'RSA', '-keysize', '2048', '-validity', '3650', ...names, ...access]);
  await keytool(['-exportcert', '-rfc', '-file', ca, ...access]);
  return {
    ca: await readFile(ca, 'utf8'),
    settings: {
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
