import { describe, expect, it } from 'vitest';
import { readConfig } from '../../engine/config.ts';
import { armCrashPoint } from '../../engine/crash-points.ts';

describe('a crash point', () => {
  it('kills when it is passed as often as was asked, and only there', () => {
    let deaths = 0;
    const reach = armCrashPoint('CP3:2', () => (deaths += 1));
    reach('CP1');
    reach('CP3');
    expect(deaths).toBe(0);
    reach('CP3');
    expect(deaths).toBe(1);
    reach('CP3');
    expect(deaths).toBe(1);
  });

  it('pauses instead of killing when it is told to', () => {
    const signals: string[] = [];
    armCrashPoint('CP4:1:stop', (signal) => signals.push(signal))('CP4');
    armCrashPoint('CP4:stop', (signal) => signals.push(signal))('CP4');
    armCrashPoint('CP4', (signal) => signals.push(signal))('CP4');
    expect(signals).toEqual(['SIGSTOP', 'SIGSTOP', 'SIGKILL']);
  });

  it.each(['CP15', 'CP3:1:halt', 'CP3:0', 'cp3', 'toString', ''])('is refused by a name that nobody passes: "%s"', (text) => {
    expect(() => armCrashPoint(text, () => undefined)).toThrow(/names no crash point/);
  });

  it('can be armed against the simulator only', () => {
    expect(readConfig({ EVENKEEL_CRASH_AT: 'CP4' }).crashAt).toBe('CP4');
    expect(() => readConfig({ EVENKEEL_CRASH_AT: 'CP4', EVENKEEL_VENUE: 'binance-demo' })).toThrow(/EVENKEEL_CRASH_AT/);
    expect(() => readConfig({ EVENKEEL_CRASH_AT: 'nowhere' })).toThrow(/EVENKEEL_CRASH_AT/);
  });
});
