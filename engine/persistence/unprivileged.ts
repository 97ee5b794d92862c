/**
 * PostgreSQL refuses to run as root. A root engine (a container, a bare server) runs it as `postgres` or `nobody`, which
 * then owns the data. Where a folder above the data is closed to others (a checkout under /root), that user gets the one
 * capability it needs to pass through; no folder's mode is changed. Programs it must reach without one (see
 * postgres-binaries.ts).
 */
import { execFileSync } from 'node:child_process';
import { chownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Runner {
  /** Who the server runs as; null when it is simply us. */
  readonly ids: { readonly uid: number; readonly gid: number } | null;
  /** Command line that runs `command` as that user. */
  wrap(command: string, args: readonly string[]): { readonly command: string; readonly args: readonly string[] };
  /** Hands a path over to that user. */
  own(path: string): void;
}

/** `paths` are what the user must reach: the programs and the data. */
export function unprivilegedRunner(paths: readonly string[]): Runner {
  if (process.getuid?.() !== 0) return { ids: null, wrap: (command, args) => ({ command, args }), own: () => undefined };
  const ids = idsOf('postgres') ?? idsOf('nobody') ?? { uid: 65_534, gid: 65_534 };
  const capability = paths.every(openToOthers) ? [] : ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return {
    ids,
    wrap: (command, args) => ({
      command: 'setpriv',
      args: [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, '--clear-groups', ...capability, '--', command, ...args],
    }),
    own: (path) => chownSync(path, ids.uid, ids.gid),
  };
}

function idsOf(user: string): { uid: number; gid: number } | null {
  try {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim());
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return null; // there is no such user here
  }
}

/** True when every folder above the path lets others through. */
export function openToOthers(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
