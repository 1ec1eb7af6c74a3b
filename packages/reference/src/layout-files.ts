import { hash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { backgroundName, imageNames } from '@gatehouse/domain/layout-files';
import type { LayoutFileFact, ReferenceEvent } from '@gatehouse/events/reference';
import type { FileUse } from '@gatehouse/ticket-pdf/file-check';
import type { ReadObject } from './entry';
import { unreadable, type SourceFile } from './folder';
import type { Stated } from './raw';

/*
 * The files that layouts show: an event's folder has them in its folder `files`, under the name by which a layout calls for
 * them (domain/layout-files), with or without an ending.
 */

const FOLDER = 'files';
const ENDINGS = ['', '.pdf', '.png', '.jpg', '.jpeg'];

/** As large as the shop allows. */
const MOST_BYTES = 10 * 2 ** 20;

/** Of a file in one event; in base64 a third more, which is far from what an append may have. */
const PART_BYTES = 192 * 1024;

/** A file that a layout calls for: it is in the folder, or it is not, or it is of no use for the reason given. */
export type FoundFile = 'there' | 'missing' | { readonly problem: string };

/** A layout of the export, with what became of the files that it calls for, by their names. */
export type LayoutOfExport = {
  readonly file: SourceFile;
  readonly index: number;
  readonly content: Stated<'LayoutStated'>;
  readonly background: FoundFile;
  readonly images: ReadonlyMap<string, FoundFile>;
};

type Layout = Extract<ReadObject, { kind: 'layout' }>;
type LayoutFile = Extract<ReadObject, { kind: 'layoutfile' }>;

/** Reads the files of an event's layouts, each once; `layouts` is the file of the layouts. */
export function layoutFileReader(layouts: SourceFile) {
  const folder = join(dirname(layouts.path), FOLDER);
  const prefix = `${layouts.name.slice(0, layouts.name.lastIndexOf('/') + 1)}${FOLDER}/`;
  const known = new Map<string, FoundFile>();
  const stated = new Set<string>();
  let listing: Promise<readonly string[]> | undefined;

  /** A layout with what became of its files; `files` are those of them that no layout before has called for. */
  return async function filesOf({ file, index, content }: Layout & { content: Stated<'LayoutStated'> }) {
    const files: LayoutFile[] = [];
    const find = async (name: string, use: FileUse): Promise<FoundFile> => {
      const key = `${use} ${name}`;
      let found = known.get(key);
      if (found === undefined) {
        const read = await readNamed(name, use, content);
        known.set(key, (found = read.found));
        // One file may be a background and an image.
        if (read.file && !stated.has(name)) {
          stated.add(name);
          files.push(read.file);
        }
      }
      return found;
    };
    const images = new Map<string, FoundFile>();
    for (const name of imageNames(content.layout)) images.set(name, await find(name, 'image'));
    const called = backgroundName(content.background);
    const background = called === null ? 'missing' : await find(called, 'background');
    const layout: LayoutOfExport = { file, index, content, background, images };
    return { layout, files };
  };

  async function readNamed(
    name: string,
    use: FileUse,
    { organizer, event }: Stated<'LayoutStated'>,
  ): Promise<{ found: FoundFile; file?: LayoutFile }> {
    const names = await (listing ??= readdir(folder).catch(() => []));
    const called = ENDINGS.map((ending) => name + ending).find((each) => names.includes(each));
    if (called === undefined) return { found: 'missing' };
    const bytes = await bytesOf(join(folder, called), use);
    if (typeof bytes === 'string') return { found: { problem: `${prefix}${called} ${bytes}` } };
    return {
      found: 'there',
      file: {
        kind: 'layoutfile',
        file: { path: join(folder, called), name: prefix + called, bytes: bytes.length },
        index: -1,
        content: {
          organizer,
          event,
          name,
          sha256: hash('sha256', bytes),
          part: { number: 1, of: 1 },
          data: bytes.toString('base64'),
        },
        issues: [],
        notes: [],
      },
    };
  }
}

/** The file's bytes, or what is wrong with it. */
async function bytesOf(path: string, use: FileUse): Promise<Buffer | string> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return 'is no ordinary file';
    const { size } = found;
    if (size > MOST_BYTES) return `is too large: ${size} bytes of at most ${MOST_BYTES}`;
    const bytes = await readFile(path);
    // Large libraries, that no other command needs.
    const { problemOfFile } = await import('@gatehouse/ticket-pdf/file-check');
    const problem = await problemOfFile(bytes, use);
    return problem === undefined ? bytes : `cannot be drawn: ${problem}`;
  } catch (error) {
    return unreadable(error);
  }
}

type LayoutFileStated = Extract<ReferenceEvent, { type: 'LayoutFileStated' }>;

/** The events that state a file, in their order; only the last has the hash by which an unchanged file is recognised. */
export function layoutFileEvents(file: LayoutFileFact): LayoutFileStated[] {
  const bytes = Buffer.from(file.data, 'base64');
  const of = Math.max(1, Math.ceil(bytes.length / PART_BYTES));
  return Array.from({ length: of }, (_, at) => ({
    type: 'LayoutFileStated',
    data: {
      ...file,
      hash: at === of - 1 ? file.hash : '',
      part: { number: at + 1, of },
      data: bytes.subarray(at * PART_BYTES, (at + 1) * PART_BYTES).toString('base64'),
    },
  }));
}
