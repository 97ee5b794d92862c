/** What the measured proofs share: figures printed as they are, and a bound that each is held against. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServers } from '../servers.ts';
import type { Servers } from '../servers.ts';
import { passes } from '../verify.ts';
import type { Verdict } from '../verify.ts';

export interface Finding {
  readonly what: string;
  readonly holds: boolean;
}

export interface Ground {
  readonly servers: Servers;
  /** A folder of its own for each world. */
  readonly folder: (name: string) => string;
}

/** A proof prints what it finds as it goes, and answers it. */
export type Proof = (ground: Ground) => Promise<readonly Finding[]>;

/** Value at a share of the sorted values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function atMost(what: string, values: readonly number[], share: number, boundMs: number): Finding {
  const at = quantile(values, share);
  const name = share === 1 ? 'longest' : `p${share * 100}`;
  return {
    what: `${what}: ${name} ${seconds(at)} of ${values.length} (bound ${seconds(boundMs)}; median ${seconds(quantile(values, 0.5))}, longest ${seconds(quantile(values, 1))})`,
    holds: values.length > 0 && at <= boundMs,
  };
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

export function clean(what: string, verdict: Verdict): Finding {
  const { orders, executions, lost, doubled, orphaned, wrong } = verdict;
  const lines = [...lost, ...doubled, ...orphaned, ...wrong];
  return {
    what: `${what}: ${orders} orders, ${executions} trades, ${lost.length} lost, ${doubled.length} doubled, ${orphaned.length} orphaned, ${wrong.length} wrong${lines.map((line) => `\n    ${line}`).join('')}`,
    holds: passes(verdict),
  };
}

/** Runs the parts of a proof one after the other. One that breaks off is a finding, and the others go on. */
export async function inParts(parts: Readonly<Record<string, () => Promise<readonly Finding[]>>>): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [name, part] of Object.entries(parts)) {
    const found = await part().catch((error: unknown): readonly Finding[] => [
      { what: `${name} broke off: ${error instanceof Error ? error.message : String(error)}`, holds: false },
    ]);
    for (const finding of found) tell(finding);
    findings.push(...found);
  }
  return findings;
}

export function tell({ what, holds }: Finding): void {
  print(`  ${holds ? 'ok' : 'FAILED'} ${what}`);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export async function layGround(): Promise<Ground> {
  const root = mkdtempSync(join(tmpdir(), 'evenkeel-proof-'));
  return { servers: await startServers(), folder: (name) => join(root, name) };
}
