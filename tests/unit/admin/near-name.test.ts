import { expect, it } from 'vitest';
import { nearName } from '../../../admin/near-name.ts';

const columns = ['stop_loss_perc', 'take_profit_perc', 'ema_fast', 'ema_slow', 'name', 'mode'];

it.each([
  ['stop_loss', 'stop_loss_perc'],
  ['stopLossPerc', 'stop_loss_perc'],
  ['stop-loss-percent', 'stop_loss_perc'],
  ['take_proft_perc', 'take_profit_perc'],
  ['ema_fats', 'ema_fast'],
  ['emaslow', 'ema_slow'],
  ['nmae', null],
  ['lucky_number', null],
  ['', null],
  ['stop_loss_perc'.repeat(5), null],
])('%s is near to %s', (name, expected) => {
  expect(nearName(name, columns)).toBe(expected);
});

it('the nearest of several is told', () => {
  expect(nearName('ema_slw', ['ema_fast', 'ema_slo', 'ema_slow'])).toBe('ema_slo');
  expect(nearName('ema_sloww', ['ema_slo', 'ema_slow'])).toBe('ema_slow');
});

it('nothing is near to a name that is too long to be a slip', () => {
  const long = 'x'.repeat(60);
  expect([nearName(`${long}y`, [long]), nearName(long, [`${long}y`])]).toEqual([null, `${long}y`]);
});
