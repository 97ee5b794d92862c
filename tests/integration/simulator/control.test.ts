/** The control port: what a browser is made to send is refused, and a candle can be played in tenths. */
import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Simulator } from '../../../simulator/simulator.ts';
import { candleFuel } from '../../../simulator/recorded.ts';
import { RawClient, RawSocket, openSimulator } from './raw-client.ts';

let simulator: Simulator;
const open = async (change = {}): Promise<void> => {
  simulator = await openSimulator(change);
};
afterEach(() => simulator.stop());

function send(method: string, path: string, headers: Record<string, string>, body = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${simulator.controlUrl ?? ''}${path}`, { method, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function step(body: unknown): Promise<{ status: number; told: Record<string, unknown> }> {
  const answer = await fetch(`${simulator.controlUrl ?? ''}/step`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, told: (await answer.json()) as Record<string, unknown> };
}

describe('a page of another site', () => {
  const json = { 'content-type': 'application/json' };
  it.each([
    ['a form', 'POST', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['plain text', 'POST', { 'content-type': 'text/plain;charset=UTF-8' }, 415],
    ['a body of no type', 'POST', {}, 415],
    ['another origin', 'POST', { ...json, origin: 'http://evil.example' }, 403],
    ['an origin that is hidden', 'POST', { ...json, origin: 'null' }, 403],
    ['a name that it lets point here', 'POST', { ...json, host: 'evil.example:9901' }, 403],
    ['the same for a question', 'GET', { host: 'evil.example:9901' }, 403],
  ])('is refused: %s', async (_, method, headers, status) => {
    await open();
    const before = simulator.now();
    expect(await send(method, '/step', headers, method === 'POST' ? '{}' : '')).toBe(status);
    expect(simulator.now()).toBe(before);
  });

  it('is not meant by those who use it', async () => {
    await open();
    expect(await send('POST', '/step', json, '{}')).toBe(200);
    expect(await send('POST', '/step', {})).toBe(200);
    const { port } = new URL(simulator.controlUrl ?? '');
    expect(await send('GET', '/state', { host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
  });
});

describe('a step of points', () => {
  it('plays a candle in tenths, each at its own time, and makes the same candle as a whole step', async () => {
    await open();
    const whole = await openSimulator();
    const klines = async (of: Simulator): Promise<unknown> =>
      (await new RawClient(of).send('GET', '/api/v3/klines', 'symbol=BTCUSDT&interval=1m&limit=3')).body;
    const start = simulator.now();
    for (let point = 1; point <= 20; point += 1) {
      const { told } = await step({ points: 1 });
      expect(told['nowMs']).toBe(start + point * 6_000);
      expect(told['steppedThroughMs']).toBe(point % 10 === 0 ? start + point * 6_000 - 1 : null);
    }
    await whole.step(2);
    expect(simulator.now()).toBe(whole.now());
    expect(await klines(simulator)).toEqual(await klines(whole));
    await whole.stop();
  });

  it('lets an order in the middle of a candle be signed by the venue’s time', async () => {
    await open();
    const client = new RawClient(simulator);
    const socket = await RawSocket.open(`${simulator.streamUrl}/ws/btcusdt@kline_1m`);
    for (let point = 0; point < 25; point += 1) {
      await step({ points: 1 });
      await expect.poll(() => socket.frames.at(-1)?.['E']).toBe(simulator.now());
      const told = Number(socket.frames.at(-1)?.['E']);
      expect((await client.order({ timestamp: told, recvWindow: 1_000 })).status).toBe(200);
    }
  });

  it('can be followed by the rest of the candle', async () => {
    await open();
    const start = simulator.now();
    await step({ points: 3 });
    expect((await step({ candles: 1 })).told).toMatchObject({ nowMs: start + 60_000, steppedThroughMs: start + 59_999 });
  });

  it.each([{ points: 0 }, { points: 1.5 }, { candles: 1, points: 1 }, { points: 'all' }])('of %j is refused', async (body) => {
    await open();
    expect((await step(body)).status).toBe(400);
  });
});

it('the end of a recording is told to who steps on', async () => {
  const at = Date.UTC(2026, 0, 5);
  const bar = (n: number) => ({
    open: 100,
    high: 101,
    low: 99,
    close: 100,
    volume: 1,
    closed: true,
    openTime: at + n * 60_000,
    closeTime: at + n * 60_000 + 59_999,
  });
  const ends: number[] = [];
  await open({ fuel: candleFuel('BTCUSDT', '1m', [bar(0), bar(1), bar(2)]), onEnd: (ms: number) => ends.push(ms) });
  expect(await step({ candles: 2 })).toMatchObject({ status: 200, told: { done: true } });
  expect(await step({})).toMatchObject({ status: 409, told: { error: 'the recording has ended: there is nothing left to play' } });
  expect(ends).toEqual([at + 120_000]);
});
