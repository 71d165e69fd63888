/**
 * As much of tar (POSIX ustar) as an image's archive needs, and no more: an archive comes from a job without rights into
 * one that has them, so nothing in it decides what is written where.
 */
const BLOCK = 512;
const NAME_BYTES = 100;
const MODE = 0o644;

const REGULAR = new Set(['0', '\0']);
/** Folders and records of pax: they carry nothing that is read here. */
const PASSED_OVER = new Set(['5', 'x', 'g']);

/** Where the rest of a long name is (ustar). */
const PREFIX = 345;

export interface TarOptions {
  /** Refuses what another reader could take for something else: a name that is there twice, one in two parts, records of pax. */
  readonly strict?: boolean;
}

/** @returns the regular files by their names; a name that is there twice means its last. @throws on anything else in it */
export function readTar(tar: Buffer, { strict = false }: TarOptions = {}): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const name = text(header, 0, NAME_BYTES);
    const size = Number.parseInt(text(header, 124, 12), 8);
    const type = String.fromCharCode(header[156] ?? 0);
    const start = at + BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || start + size > tar.length) {
      throw new Error(`the archive ends within ${name}`);
    }
    if (strict && (files.has(name) || header[PREFIX] !== 0 || type === 'x' || type === 'g'))
      throw new Error(`the archive has ${name} in a way that can be read in two`);
    if (REGULAR.has(type)) files.set(name, tar.subarray(start, start + size));
    else if (!PASSED_OVER.has(type)) throw new Error(`the archive has ${name}, which is neither a file nor a folder`);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/** The same files make the same bytes: no times, no owners. */
export function writeTar(files: ReadonlyMap<string, Buffer>): Buffer {
  const blocks: Buffer[] = [];
  for (const [name, content] of files) {
    const padding = (BLOCK - (content.length % BLOCK)) % BLOCK;
    blocks.push(header(name, content.length), content, Buffer.alloc(padding));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES) throw new Error(`${name} is too long a name`);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  const numbers = [
    [MODE, 100, 8],
    [0, 108, 8],
    [0, 116, 8],
    [size, 124, 12],
    [0, 136, 12],
  ] as const;
  for (const [value, at, length] of numbers) block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
  block.write('        0', 148);
  block.write('ustar\x0000', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function text(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end).trim();
}
