/** A run of tests in small, for others to end: two servers, and a process that does not react to a polite signal. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startEmbeddedPostgres } from '../../../engine/database/embedded-postgres.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { startRedis } from '../../servers/redis.ts';
import { plainEnv } from './processes.ts';

const deaf = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], {
  env: plainEnv(),
  stdio: 'ignore',
});
const redis = await startRedis({ own: true });
const postgres = await startEmbeddedPostgres({ dataDir: join(tmpdir(), 'postgres'), clock: systemClock, log: pino({ level: 'silent' }) });
process.stdout.write(`ready: ${JSON.stringify({ folder: tmpdir(), urls: [redis.url, postgres.url], pids: [deaf.pid, postgres.pid] })}\n`);
if (process.argv[2] === 'failing') throw new Error('the set-up failed');
