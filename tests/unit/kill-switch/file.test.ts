/** The flag file: what counts as a switch, that a change by hand is seen, and that what the engine writes is there after a crash. */
import { execFileSync } from 'node:child_process';
import { existsSync, lchownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KillFile, parseKillFile } from '../../../engine/kill-switch/file.ts';
import type { LocalKillSwitch } from '../../../engine/kill-switch/file.ts';
import { KillSwitches } from '../../../engine/kill-switch/standing.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const request = { userId: '3', tokenId: '1', tokenName: 'first', requestId: 'r', atMs: 5, ofUserId: '3' };
const one = (change: Partial<LocalKillSwitch> = {}): LocalKillSwitch => ({
  id: 'a',
  scope: 'bot',
  subject: '7',
  policy: 'cancel',
  reason: 'test',
  expiresAtMs: 1_800_000_000_000,
  request: null,
  ...change,
});
const said = (text: string): string[] => parseKillFile(text).switches.map(({ scope, subject, policy }) => `${scope} ${subject} ${policy}`);

describe('the text of a kill file', () => {
  it.each([
    ['nothing', '', ['engine  leave']],
    ['blanks', ' \n', ['engine  leave']],
    ['an empty object', '{}', ['engine  leave']],
    ['one switch', '{"scope":"bot","subject":7,"policy":"flatten"}', ['bot 7 flatten']],
    ['a list', '[{"scope":"user","subject":"3"},{"policy":"cancel"}]', ['user 3 leave', 'engine  cancel']],
  ])('may be %s', (_, text, expected) => {
    expect([said(text), parseKillFile(text).problem]).toEqual([expected, null]);
  });

  it.each([
    ['is not JSON', '{"scope":"bot"'],
    ['is an empty list', '[]'],
    ['is a number', '5'],
    ['has an unknown scope', '{"scope":"world"}'],
    ['has an unknown policy', '{"policy":"flaten"}'],
    ['has an unknown field', '{"scopes":"bot","subject":"7"}'],
    ['names no bot', '{"scope":"bot"}'],
    ['gives the engine a subject', '{"subject":"7"}'],
    ['expires at no time', '{"expires_at":"soon"}'],
    ['expires at no time, as engines write it', '{"expiresAt":"soon"}'],
    ['has half a request', '{"request":{"userId":"1"}}'],
  ])('that %s stops the whole engine and says what is wrong', (_, text) => {
    expect(said(text)).toEqual(['engine  leave']);
    expect(parseKillFile(text).problem).not.toBeNull();
  });

  it.each(['expires_at', 'expiresAt'])('may say when it ends: %s', (name) => {
    const { switches, problem } = parseKillFile(JSON.stringify({ [name]: '2026-12-01T00:00:00Z' }));
    expect([switches[0]?.expiresAtMs, problem]).toEqual([Date.parse('2026-12-01T00:00:00Z'), null]);
  });

  it('that is wrong in part keeps the rest', () => {
    expect(said('[{"scope":"bot","subject":"7","policy":"flatten"},{"scope":"bot"}]')).toEqual(['bot 7 flatten', 'engine  leave']);
  });
});

describe('the kill file', () => {
  let path: string;
  let clock: FakeClock;
  let file: KillFile;
  const log = pino({ level: 'silent' });
  const open = (): KillFile => new KillFile({ path, standing: new KillSwitches({ clock, log }), clock, log });

  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), 'evenkeel-kill-')), 'deep', 'kill-switch');
    clock = new FakeClock();
    file = open();
  });
  afterEach(() => file.stop());

  it('gives what was added to the next process, to the last field', () => {
    const added = [one(), one({ id: 'b', request, expiresAtMs: null })];
    for (const each of added) file.add(each);
    const next = open();
    next.start();
    next.stop();
    expect(next.switches).toEqual(added);
  });

  it('is seen within a quarter of a second when it is made, changed or removed by hand', async () => {
    file.start();
    writeFileSync(path, '');
    await clock.advance(250);
    expect(file.switches.map(({ scope }) => scope)).toEqual(['engine']);
    writeFileSync(path, '{"scope":"bot","subject":"7"}');
    await clock.advance(250);
    expect(file.switches.map(({ scope }) => scope)).toEqual(['bot']);
    rmSync(path);
    await clock.advance(250);
    expect(file.switches).toEqual([]);
  });

  it('keeps what somebody wrote by hand when the engine adds to it, and loses only what is taken out', () => {
    file.start();
    writeFileSync(path, '');
    file.add(one({ request }));
    expect(file.switches.map(({ scope }) => scope)).toEqual(['engine', 'bot']);
    file.remove(['a']);
    expect(parseKillFile(readFileSync(path, 'utf8')).switches.map(({ scope }) => scope)).toEqual(['engine']);
    file.remove(['file']);
    expect([existsSync(path), file.switches]).toEqual([false, []]);
  });

  it('has one switch of a signal that comes twice', () => {
    file.add(one({ id: 'sigusr2' }));
    file.add(one({ id: 'sigusr2' }));
    expect(file.switches).toHaveLength(1);
  });

  it('holds a switch that the disk does not take, says so, and writes it when the disk takes it again', async () => {
    file.start();
    mkdirSync(`${path}.${process.pid}.new`); // in the way of the draft
    expect(() => file.add(one())).toThrow();
    await clock.advance(250);
    expect([file.switches.map(({ id }) => id), existsSync(path)]).toEqual([['a'], false]);
    rmSync(`${path}.${process.pid}.new`, { recursive: true });
    await clock.advance(250);
    expect([file.switches.map(({ id }) => id), existsSync(path)]).toEqual([['a'], true]);
  });

  it('that is a pipe keeps nobody waiting and stops the whole engine', () => {
    mkdirSync(dirname(path), { recursive: true });
    execFileSync('mkfifo', [path]);
    file.start();
    expect(file.switches.map(({ scope, reason }) => [scope, reason])).toEqual([['engine', expect.stringContaining('cannot be read')]]);
  });

  it('that is a link of our own is followed; one of another user is not, and stops the whole engine', async () => {
    mkdirSync(dirname(path), { recursive: true });
    const target = join(dirname(path), 'target');
    writeFileSync(target, '{"scope":"bot","subject":"7"}');
    symlinkSync(target, path);
    file.start();
    expect(file.switches.map(({ scope }) => scope)).toEqual(['bot']);
    writeFileSync(target, '{"scope":"user","subject":"3"}');
    await clock.advance(250);
    expect(file.switches.map(({ scope }) => scope)).toEqual(['user']);
    // Only root can give a link away.
    if (process.getuid?.() !== 0) return;
    lchownSync(path, 65_534, 65_534);
    await clock.advance(250);
    expect(file.switches.map(({ scope }) => scope)).toEqual(['engine']);
  });

  it('is not written through a link that lies in the way of its draft', () => {
    mkdirSync(dirname(path), { recursive: true });
    const victim = join(dirname(path), 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, `${path}.${process.pid}.new`);
    file.add(one());
    expect([readFileSync(victim, 'utf8'), parseKillFile(readFileSync(path, 'utf8')).switches]).toEqual(['precious', [one()]]);
  });

  it('that is larger than it may be stops the whole engine', () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${' '.repeat(1024 * 1024)}{"scope":"bot","subject":"7"}`);
    file.start();
    expect(file.switches.map(({ scope }) => scope)).toEqual(['engine']);
  });

  it('is never written larger than it may be read: what does not fit holds in memory', () => {
    file.start();
    file.add(one());
    const many = Array.from({ length: 2_000 }, () => 'a reason');
    const tooMuch = { ...one(), id: 'large', policy: 'flatten' as const, reason: many.join(' '.repeat(600)) };
    expect(() => file.add(tooMuch)).toThrow('larger than');
    expect([file.switches, parseKillFile(readFileSync(path, 'utf8')).switches]).toEqual([[one(), tooMuch], [one()]]);
  });

  it('that cannot be read stops the whole engine', () => {
    mkdirSync(path, { recursive: true });
    file.start();
    expect(file.switches.map(({ scope }) => scope)).toEqual(['engine']);
  });

  it('tells of a switch that is added before the disk is asked to keep it', () => {
    let told: unknown = null;
    file.standing.onChange = () => (told ??= [file.standing.standing.length, existsSync(path)]);
    file.add(one());
    expect([told, existsSync(path)]).toEqual([[1, false], true]);
  });
});
