import type { Command } from 'commander';
import { toFile, toString } from 'qrcode';

/* What an app is set up with: JSON, and the same as a QR code to scan. Shared by the commands for devices and droid keys. */

/** The options of `showSetUp`. */
export type CodeOptions = { readonly url?: string; readonly png?: string; readonly svg?: string };

export const withCodeOptions = (command: Command): Command =>
  command
    .option('--url <url>', 'how the app reaches this server; PUBLIC_URL when that is set')
    .option('--png <file>', 'write the QR code as an image')
    .option('--svg <file>', 'write the QR code as a drawing');

/** Prints the JSON, on a terminal with its QR code, and writes that to the named files. */
export async function showSetUp(content: object, { png, svg }: CodeOptions): Promise<void> {
  const setUp = JSON.stringify(content);
  process.stdout.write(`${setUp}\n`);
  if (png !== undefined) await toFile(png, setUp, { type: 'png', scale: 8 });
  if (svg !== undefined) await toFile(svg, setUp, { type: 'svg' });
  if (process.stdout.isTTY) process.stdout.write(await toString(setUp, { type: 'terminal', small: true }));
}
