import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../../engine/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('configuration', () => {
  it('embeds everything when nothing is set', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      role: 'all',
      venue: 'simulated',
      databaseUrl: null,
      redisUrl: null,
      venueUrls: null,
      credentials: null,
      trustedNetwork: false,
    });
    expect(config.admin.host).toBe('127.0.0.1');
    expect(config.metrics.host).toBe('127.0.0.1');
  });

  it('takes every line of .env.example as it stands there', () => {
    const example = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8');
    const settings = [...example.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']): [string, string] => [name, value]);
    expect(settings.length).toBeGreaterThan(25);
    expect(problemsOf(Object.fromEntries(settings))).toEqual([]);
  });

  it('names every problem at once', () => {
    const problems = problemsOf({
      EVENKEEL_ROLE: 'boss',
      EVENKEEL_ADMIN_PORT: '99999',
      DATABASE_URL: 'mysql://x',
      EVENKEEL_TRUSTED_NETWORK: 'yes',
      EVENKEEL_VENUE_REST_URL: 'http://127.0.0.1:1',
      EVENKEEL_VENUE_API_KEY: 'key',
      EVENKEEL_LOK_TTL_MS: '1',
    });
    for (const name of [
      'EVENKEEL_ROLE',
      'EVENKEEL_ADMIN_PORT',
      'DATABASE_URL',
      'EVENKEEL_TRUSTED_NETWORK',
      'EVENKEEL_VENUE_STREAM_URL',
      'EVENKEEL_VENUE_API_SECRET',
      'EVENKEEL_LOK_TTL_MS',
    ]) {
      expect(
        problems.some((problem) => problem.includes(name)),
        name,
      ).toBe(true);
    }
    expect(problems).toHaveLength(7);
  });

  it('keeps verdicts for three days, or for the hours that are set', () => {
    expect(readConfig({}).decisionsKeptMs).toBe(72 * 3_600_000);
    expect(readConfig({ EVENKEEL_DECISIONS_KEPT_HOURS: '1' }).decisionsKeptMs).toBe(3_600_000);
    expect(problemsOf({ EVENKEEL_DECISIONS_KEPT_HOURS: '0' })).toHaveLength(1);
  });

  it('reads a secret from the file that _FILE names and never prints it', () => {
    const file = join(folder, 'url');
    writeFileSync(file, 'postgres://me:canary-password@db/x\n');
    const config = readConfig({ DATABASE_URL_FILE: file });
    expect(config.databaseUrl?.reveal()).toBe('postgres://me:canary-password@db/x');
    expect(`${JSON.stringify(config)}${inspect(config, { depth: 9 })}${String(config.databaseUrl)}`).not.toContain('canary');
  });

  it('refuses a secret that is given twice, and a file that cannot be read', () => {
    expect(problemsOf({ REDIS_URL: 'redis://a', REDIS_URL_FILE: join(folder, 'none') }).join()).toContain('both set');
    expect(problemsOf({ REDIS_URL_FILE: join(folder, 'none') }).join()).toContain('cannot be read');
  });

  it('does not repeat a secret that was pasted where the name of its file belongs', () => {
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'EVENKEEL_VENUE_API_KEY', 'EVENKEEL_VENUE_API_SECRET', 'EVENKEEL_VENUE_PRIVATE_KEY']) {
      const text = problemsOf({ [`${name}_FILE`]: 'canary-NhqPtmdSJYdKjVHj' }).join();
      expect([text.includes(`${name}_FILE`), text.includes('canary')]).toEqual([true, false]);
    }
    const empty = join(folder, 'canary-empty');
    writeFileSync(empty, '');
    expect(problemsOf({ REDIS_URL_FILE: empty }).join()).not.toContain('canary');
  });

  it.each(['binance', 'binance-demo', 'binance-testnet'])('sends no key of %s over a wire that anybody can read', (venue) => {
    const key = { EVENKEEL_VENUE_API_KEY: 'k', EVENKEEL_VENUE_API_SECRET: 's' };
    const open = {
      EVENKEEL_VENUE_REST_URL: 'http://api.example.com',
      EVENKEEL_VENUE_STREAM_URL: 'ws://api.example.com',
      EVENKEEL_VENUE_WS_API_URL: 'ws://api.example.com/ws-api/v3',
    };
    expect(problemsOf({ EVENKEEL_VENUE: venue, ...key, ...open }).map((problem) => problem.split(' ')[0])).toEqual(Object.keys(open));
    for (const [name, url] of Object.entries(open)) expect(problemsOf({ EVENKEEL_VENUE: venue, ...key, [name]: url })).toHaveLength(1);
    expect(problemsOf({ EVENKEEL_VENUE: venue, ...open })).toEqual([]);
    const here = Object.fromEntries(Object.entries(open).map(([name, url]) => [name, url.replace('api.example.com', '127.0.0.1:9900')]));
    expect(problemsOf({ EVENKEEL_VENUE: venue, ...key, ...here })).toEqual([]);
    const looksLocal = { EVENKEEL_VENUE_REST_URL: 'http://127.0.0.1.example.com' };
    expect(problemsOf({ EVENKEEL_VENUE: venue, ...key, ...looksLocal })).toHaveLength(1);
  });

  it('does not repeat a URL that may carry a password', () => {
    expect(problemsOf({ DATABASE_URL: 'http://me:canary@db' }).join()).not.toContain('canary');
  });

  it('refuses a horizon that a real venue could outlast', () => {
    expect(problemsOf({ EVENKEEL_VENUE: 'binance', EVENKEEL_NEVER_PLACED_HORIZON_MS: '5000' })).toHaveLength(1);
    expect(problemsOf({ EVENKEEL_VENUE: 'simulated', EVENKEEL_NEVER_PLACED_HORIZON_MS: '5000' })).toHaveLength(0);
  });
});
