/** Host names that the listeners answer to. Requests for other names are refused: a web page could reach loopback through a name of its own (DNS rebinding). */
import type { AdminPorts } from './ports.ts';
import { Problem } from './problem.ts';

const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Throws a `misdirected-request` problem for the `Host` header of somebody else. */
export function refuseForeignHost(header: string | undefined, which: 'admin' | 'metrics', listen: AdminPorts['listen']): void {
  const name = (header ?? '').replace(/:\d+$/, '').toLowerCase();
  if (loopbackNames.has(name) || name === listen[which].host.toLowerCase() || listen.trustedNetwork) return;
  throw new Problem('misdirected-request', `this listener answers to 127.0.0.1 and localhost, not to "${name.slice(0, 100)}"`);
}
