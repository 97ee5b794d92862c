/** Kill switches as engines read them: few rows, asked for often, on a pool of their own. */
import type { Pool } from 'pg';
import type { KillPolicy, KillScope, KillSwitch } from '../trading/kill-switch.ts';

interface KillSwitchRecord {
  readonly scope: KillScope;
  readonly subject: string;
  readonly policy: KillPolicy;
  readonly reason: string;
  readonly expires_ms: string | null;
}

/** When this fails, the switches known before stay in force; it must fail soon, so that it is asked again. */
const queryTimeoutMs = 1_000;

const query = {
  text: `select scope, subject, policy, reason, (extract(epoch from expires_at) * 1000)::bigint::text as expires_ms
         from kill_switches where released_at is null order by id`,
  query_timeout: queryTimeoutMs,
};

/** The database will never take it as it is: a value out of range, or one that points at nothing. */
export function refusesForGood(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(22|23502|23503|23514)/.test(code);
}

/** Those that nobody released, over or not. Throws the driver's errors. */
export async function readKillSwitches(pool: Pool): Promise<readonly KillSwitch[]> {
  const { rows } = await pool.query<KillSwitchRecord>(query);
  return rows.map(({ expires_ms, ...row }) => ({ ...row, expiresAtMs: expires_ms === null ? null : Number(expires_ms) }));
}
