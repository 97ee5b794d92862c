/**
 * PostgreSQL refuses to run as root. A root engine (a container, a bare server) runs it as `postgres` or `nobody`, which
 * then owns the data and has no capability. Where a folder above the data is closed to others (a checkout under /root), it is
 * started inside the data, and its programs are reached elsewhere (postgres-binaries.ts); no folder's mode is changed.
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

export function unprivilegedRunner(): Runner {
  if (process.getuid?.() !== 0) return { ids: null, wrap: (command, args) => ({ command, args }), own: () => undefined };
  const ids = idsOf('postgres') ?? idsOf('nobody') ?? { uid: 65_534, gid: 65_534 };
  return {
    ids,
    wrap: (command, args) => ({
      command: 'setpriv',
      args: [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, '--clear-groups', '--', command, ...args],
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

/** True when other users may pass through every folder above the path. */
export function openToOthers(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
