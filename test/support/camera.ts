import { readFileSync } from 'node:fs';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';

/** What the QR code of `device create` says. */
export type SetUpCode = { readonly handshake_version: number; readonly url: string; readonly token: string };

/** What a phone's camera sees in the picture of a set-up code. */
export function scanned(file: string): SetUpCode {
  const { data, width, height } = PNG.sync.read(readFileSync(file));
  const seen = jsQR(new Uint8ClampedArray(data), width, height);
  if (!seen) throw new Error('this is no QR code');
  return JSON.parse(seen.data) as SetUpCode;
}
