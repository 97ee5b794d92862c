/** What a log line tells of an error, and what it never does. */
import { describe, expect, it } from 'vitest';
import { createLog } from '../../../engine/observe/log.ts';

function logged(error: unknown): { readonly text: string; readonly err: Record<string, unknown> } {
  let text = '';
  createLog({ level: 'debug', destination: { write: (line) => void (text += line) } }).debug({ err: error }, 'x');
  return { text, err: (JSON.parse(text) as { err: Record<string, unknown> }).err };
}

describe('an error in the log', () => {
  it('of Redis that refuses the password tells the reason and not the password', () => {
    // As the client throws it: the failed command hangs on the error, and with it what it was asked.
    const error = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
      name: 'ReplyError',
      command: { name: 'hello', args: ['3', 'AUTH', 'default', 'canary-password'] },
    });
    const { text, err } = logged(error);
    expect([err['type'], err['message']]).toEqual(['ReplyError', 'WRONGPASS invalid username-password pair']);
    expect(text).not.toContain('canary');
  });

  it('keeps its name, code, stack and causes, and nothing else that hangs on it', () => {
    const cause = Object.assign(new TypeError('below'), { code: 'E1', query: 'canary' });
    const error = Object.assign(new Error('above', { cause }), { command: { args: ['canary'] }, config: { password: 'canary' } });
    const { text, err } = logged(error);
    expect(err).toMatchObject({ type: 'Error', message: 'above', cause: { type: 'TypeError', message: 'below', code: 'E1' } });
    expect([typeof err['stack'], text.includes('canary')]).toEqual(['string', false]);
  });

  it('hides the password of an address in its text', () => {
    const { text } = logged(new Error('cannot connect to redis://me:canary@host:6379/0'));
    expect([text.includes('canary'), text.includes('redis://me:[secret]@host:6379/0')]).toEqual([false, true]);
  });

  it('that is its own cause is told with an end', () => {
    const error = new Error('round');
    error.cause = error;
    expect(logged(error).err['message']).toBe('round');
  });
});
