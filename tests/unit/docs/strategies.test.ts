/** docs/strategies.md is code: what it shows is what ships, compiles, and trades as it says. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Strategy } from '../../../engine/strategies/strategy.ts';
import { candlesOf, signalsOf } from '../strategies/play.ts';

const root = new URL('../../../', import.meta.url);
const guide = readFileSync(new URL('docs/strategies.md', root), 'utf8');
/** Code blocks in TypeScript; the words behind "ts" name the file that a block shows. */
const blocks = [...guide.matchAll(/^```ts *(.*)\n([^]*?)^```$/gm)].map(([, file = '', text = '']) => ({ file, text }));
const example = blocks.find(({ file }) => file === 'engine/strategies/bollinger-reversion.ts')?.text ?? '';

/** What the compiler says to texts that stand in engine/strategies, by name. It is the native one: a tenth of the other's time. */
function complaints(texts: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-guide-'));
  try {
    mkdirSync(join(folder, 'strategies'));
    for (const [name, text] of texts) writeFileSync(join(folder, 'strategies', `${name}.ts`), text);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const compilerOptions = {
      noEmit: true,
      // To the compiler both folders are one: what a text imports is found beside the product's own strategies.
      rootDirs: [folder, fileURLToPath(new URL('engine', root))],
      typeRoots: [fileURLToPath(new URL('node_modules/@types', root))],
    };
    const config = { extends: fileURLToPath(new URL('tsconfig.json', root)), compilerOptions, include: ['strategies'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const compiler = fileURLToPath(new URL('node_modules/typescript7/bin/tsc', root));
    const { stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
    const heard = [...stdout.matchAll(/^(.*)\(\d+,\d+\): error TS\d+: (.*)$/gm)].map(([, path = '', said = '']) => ({
      name: basename(path, '.ts'),
      said,
    }));
    // Nothing that was said may be overheard: not even of a file that is none of ours.
    expect([heard.filter(({ name }) => !texts.has(name)), stderr]).toEqual([[], '']);
    expect(stdout.split('\n').filter((line) => /error/.test(line))).toHaveLength(heard.length);
    return new Map([...texts.keys()].map((name) => [name, heard.filter((one) => one.name === name).map(({ said }) => said)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The module that a text makes when it stands in engine/strategies. */
async function load(text: string): Promise<Readonly<Record<string, Strategy>>> {
  const imports = stripTypeScriptTypes(text).replaceAll(
    /from '(\.[^']*)'/g,
    (_, path: string) => `from '${new URL(path, new URL('engine/strategies/', root)).href}'`,
  );
  return (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(imports)}`)) as Readonly<Record<string, Strategy>>;
}

describe('the guide to strategies', () => {
  it.each(blocks.filter(({ file }) => file !== ''))('shows $file as it ships', ({ file, text }) => {
    expect(text).toBe(readFileSync(new URL(file, root), 'utf8'));
  });

  it('shows a strategy and its test', () => {
    expect(blocks.map(({ file }) => file)).toEqual([
      'engine/strategies/bollinger-reversion.ts',
      'tests/unit/strategies/bollinger-reversion.test.ts',
      '',
    ]);
  });

  it('compiles, and would not if it read what an indicator does not answer', { timeout: 120_000 }, () => {
    const code = blocks.filter(({ file }) => !file.startsWith('tests/'));
    const texts = code.map(({ text }, index) => [`guide-block-${index}`, text] as const);
    const wrong = ['guide-block-wrong', example.replace('now.bands.middle', 'now.bands.average')] as const;
    const heard = complaints(new Map([...texts, wrong]));
    for (const [name] of texts) expect(heard.get(name), name).toEqual([]);
    expect(heard.get(wrong[0])).toEqual([expect.stringMatching(/^Property 'average' does not exist/)]);
  });

  it('shows a strategy that trades as it says', async () => {
    const { bollingerReversion } = await load(example);
    if (bollingerReversion === undefined) throw new Error('the guide shows no strategy of this name');
    const closes = [100, 101, 100, 99, 100, 101, 100, 99, 100, 101, 97, 97.5, 98.5, 99, 100];
    const signals = signalsOf(bollingerReversion, candlesOf(closes), { bandPeriod: 5, bandDeviations: 1.5, adxPeriod: 3, trendAdx: 60 });
    expect(signals.slice(9).map(({ action, reason }) => [action, reason])).toEqual([
      ['exit', 'close reached the middle band'],
      ['hold', 'close is below the middle band and did not come back above the lower one'],
      ['enter-long', 'close came back above the lower band and ADX shows no trend'],
      ['hold', 'close is below the middle band and did not come back above the lower one'],
      ['exit', 'close reached the middle band'],
      ['exit', 'close reached the middle band'],
    ]);
  });
});
