import { access, constants, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { toFile, toString } from 'qrcode';
import { Refused } from './run-command';

/* What an app is set up with: JSON, and the same as a QR code to scan. Shared by the commands for devices and droid keys. */

/** The options of `showSetUp`. */
export type CodeOptions = { readonly url?: string; readonly png?: string; readonly svg?: string };

export const withCodeOptions = (command: Command): Command =>
  command
    .option('--url <url>', 'how the app reaches this server; PUBLIC_URL when that is set')
    .option('--png <file>', 'write the QR code as an image')
    .option('--svg <file>', 'write the QR code as a drawing');

/** Throws Refused when a file cannot be where it is asked for. Called before anything is made that is shown only once. */
export async function requireFolders({ png, svg }: CodeOptions): Promise<void> {
  for (const file of [png, svg]) {
    if (file !== undefined) await access(dirname(resolve(file)), constants.W_OK).catch(notWritable(file));
  }
}

/** Prints the JSON, on a terminal with its QR code, and writes that to the named files. */
export async function showSetUp(content: object, { png, svg }: CodeOptions): Promise<void> {
  const setUp = JSON.stringify(content);
  process.stdout.write(`${setUp}\n`);
  if (process.stdout.isTTY) process.stdout.write(await toString(setUp, { type: 'terminal', small: true }));
  if (png !== undefined) await toFile(await ownersFile(png), setUp, { type: 'png', scale: 8 });
  if (svg !== undefined) await toFile(await ownersFile(svg), setUp, { type: 'svg' });
}

/** An empty file. Whoever reads the code first is let in, so that is only its owner. */
async function ownersFile(file: string): Promise<string> {
  const handle = await open(file, 'w', 0o600).catch(notWritable(file));
  await handle.close();
  return file;
}

const notWritable = (file: string) => (error: NodeJS.ErrnoException) => {
  throw new Refused(`${resolve(file)} cannot be written (${error.code}).`);
};
