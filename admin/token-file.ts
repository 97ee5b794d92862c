/** The file in the data folder that holds the owner's API token, readable by the folder's owner only. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

export function tokenPath(dataDir: string): string {
  return resolve(dataDir, 'token');
}

/** Replaces the file as a whole. */
export function writeToken(dataDir: string, token: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const draft = `${tokenPath(dataDir)}.${process.pid}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(draft, tokenPath(dataDir));
}
