/** Where kill switches come from, that what is known holds while the database is away, and that what was set here becomes a row without a gap. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { Metrics } from '../../../engine/observe/metrics.ts';
import { KillFile } from '../../../engine/kill-switch/file.ts';
import type { LocalKillSwitch, RequestedKillSwitch } from '../../../engine/kill-switch/file.ts';
import { KillControl } from '../../../engine/kill-switch/control.ts';
import type { KillSwitchRows } from '../../../engine/kill-switch/control.ts';
import { KillSwitches } from '../../../engine/kill-switch/standing.ts';
import type { KillSwitch } from '../../../engine/kill-switch/kill-switch.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const bot = { botId: '7', userId: '3', account: 'simulated' };
const row = (change: Partial<KillSwitch> = {}): KillSwitch => ({
  scope: 'bot',
  subject: '7',
  policy: 'leave',
  reason: 'test',
  expiresAtMs: null,
  ...change,
});
const asked: RequestedKillSwitch = {
  ...row({ policy: 'cancel' }),
  id: 'a',
  request: { userId: '3', tokenId: '1', tokenName: 'first', requestId: 'r', atMs: 5, ofUserId: '3' },
};

describe('kill switches of an engine', () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let switches: KillSwitches;
  let file: KillFile;
  let control: KillControl;
  let rows: KillSwitch[];
  let away: boolean;
  let written: LocalKillSwitch[];
  let changes: (string | null)[];
  const policy = (): string | null => switches.blockOf(bot)?.policy ?? null;
  const active = async (): Promise<number> => {
    const { values } = await metrics.killSwitchActive.get();
    return values.find(({ labels }) => labels.scope === 'bot')?.value ?? -1;
  };

  beforeEach(() => {
    clock = new FakeClock();
    metrics = createMetrics();
    const log = pino({ level: 'silent' });
    switches = new KillSwitches({ clock, log });
    changes = [];
    switches.onChange = () => changes.push(policy());
    const path = join(mkdtempSync(join(tmpdir(), 'evenkeel-kill-')), 'kill-switch');
    file = new KillFile({ path, standing: switches, clock, log });
    rows = [];
    away = false;
    written = [];
    const kept: KillSwitchRows = {
      async read() {
        if (away) throw new Error('the database is away');
        return [...rows];
      },
      async write(one) {
        if (away) throw new Error('the database is away');
        if (one.id === 'refused') throw Object.assign(new Error('date out of range'), { code: '22008' });
        if (one.id === 'clashing') throw Object.assign(new Error('one stands already'), { code: '23505' });
        written.push(one);
        rows.push(row({ policy: one.policy }));
      },
      close: async () => undefined,
    };
    control = new KillControl({ file, clock, log, metrics, rows: kept });
  });
  afterEach(() => control.stop());

  it('are known before it has started, from rows and file', async () => {
    rows.push(row());
    file.add({ ...row({ policy: 'cancel' }), id: 'f', request: null });
    await control.start();
    expect([switches.standing.length, policy()]).toEqual([2, 'cancel']);
  });

  it('are read again when it is told, and every half second when it is not', async () => {
    await control.start();
    rows.push(row());
    control.onTold();
    await clock.advance(0);
    expect(policy()).toBe('leave');
    rows = [];
    await clock.advance(500);
    expect([policy(), changes]).toEqual([null, ['leave', null]]);
  });

  it('hold while the database is away', async () => {
    rows.push(row());
    await control.start();
    away = true;
    control.onTold();
    await clock.advance(60_000);
    expect(policy()).toBe('leave');
  });

  it('know how long the database has been silent', async () => {
    expect(control.silentMs).toBe(Number.POSITIVE_INFINITY);
    await control.start();
    await clock.advance(60_000);
    expect(control.silentMs).toBeLessThanOrEqual(500);
    away = true;
    await clock.advance(60_000);
    expect(control.silentMs).toBeGreaterThanOrEqual(60_000);
  });

  it('are over when they expire, although nobody says so', async () => {
    away = false;
    rows.push(row({ expiresAtMs: clock.now() + 1_000 }));
    await control.start();
    away = true;
    await clock.advance(999);
    expect([policy(), await active()]).toEqual(['leave', 1]);
    await clock.advance(300);
    expect([policy(), await active()]).toEqual([null, 0]);
  });

  it('hold in the turn in which they are set here, and become rows when the database is back, without a moment between', async () => {
    await control.start();
    away = true;
    control.engage(asked);
    expect([policy(), await control.writeDown('a')]).toEqual(['cancel', false]);
    await clock.advance(5_000);
    expect([file.switches.length, written.length]).toEqual([1, 0]);
    away = false;
    await clock.advance(500);
    expect([file.switches.length, written.map(({ id }) => id), policy()]).toEqual([0, ['a'], 'cancel']);
    expect(changes).toEqual(['cancel']);
  });

  it('that were set by hand never become rows', async () => {
    await control.start();
    file.add({ ...row(), id: 'f', request: null });
    await clock.advance(5_000);
    expect([written, policy()]).toEqual([[], 'leave']);
  });

  it('of an answer that was overtaken do not count', async () => {
    const answers: ((rows: KillSwitch[]) => void)[] = [];
    const slow = new KillControl({
      file,
      clock,
      log: pino({ level: 'silent' }),
      metrics,
      rows: {
        read: () => new Promise((resolve) => answers.push(resolve)),
        write: async () => undefined,
        close: async () => undefined,
      },
    });
    const [first, second] = [slow.refresh(), slow.refresh()];
    answers[1]?.([row()]);
    await second;
    answers[0]?.([]);
    await first;
    expect(policy()).toBe('leave');
  });

  it('that the database refuses for what they say are dropped, the others are not', async () => {
    await control.start();
    for (const id of ['refused', 'clashing', 'a']) control.engage({ ...asked, id });
    expect([await control.writeDown('refused'), await control.writeDown('clashing')]).toEqual([true, false]);
    expect([file.switches.map(({ id }) => id), written.map(({ id }) => id)]).toEqual([['clashing'], ['a']]);
    await control.stop();
  });
});
