/** docs/strategies.md is code: what it shows is what ships, compiles, and trades as it says. */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import type { Strategy } from '../../../engine/strategies/strategy.ts';
import { candlesOf, signalsOf } from '../strategies/play.ts';

const root = new URL('../../../', import.meta.url);
const guide = readFileSync(new URL('docs/strategies.md', root), 'utf8');
/** Code blocks in TypeScript; the words behind "ts" name the file that a block shows. */
const blocks = [...guide.matchAll(/^```ts *(.*)\n([^]*?)^```$/gm)].map(([, file = '', text = '']) => ({ file, text }));
const example = blocks.find(({ file }) => file === 'engine/strategies/bollinger-reversion.ts')?.text ?? '';

const pathOf = (name: string): string => fileURLToPath(new URL(`engine/strategies/${name}.ts`, root));

/** What the compiler says to texts that stand at paths, by path. */
function complaints(texts: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const { config } = ts.readConfigFile(fileURLToPath(new URL('tsconfig.json', root)), (file) => ts.sys.readFile(file)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, fileURLToPath(root));
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => texts.has(name) || disk.fileExists(name),
    readFile: (name) => texts.get(name) ?? disk.readFile(name),
    getSourceFile(name, target) {
      const text = texts.get(name);
      return text === undefined ? disk.getSourceFile(name, target) : ts.createSourceFile(name, text, target);
    },
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  const heard = (path: string): readonly string[] => {
    const source = program.getSourceFile(path);
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  };
  return new Map([...texts.keys()].map((path) => [path, heard(path)]));
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

  // The compiler reads its libraries first: seconds on a busy machine.
  it('compiles, and would not if it read what an indicator does not answer', { timeout: 120_000 }, () => {
    const code = blocks.filter(({ file }) => !file.startsWith('tests/'));
    const texts = code.map(({ text }, index) => [pathOf(`guide-block-${index}`), text] as const);
    const wrong = [pathOf('guide-block-wrong'), example.replace('now.bands.middle', 'now.bands.average')] as const;
    const heard = complaints(new Map([...texts, wrong]));
    for (const [path] of texts) expect(heard.get(path), path).toEqual([]);
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
