import tseslint from 'typescript-eslint';

/**
 * Time, timers and chance come through ports, so that a simulation can put its own in place and play a run again.
 * Raw ones live in engine/time and the composition root.
 */
const clock = 'Take it from the clock port (engine/time/clock.ts).';
const chance = 'Take randomness as an argument.';
const ports = {
  'no-restricted-globals': [
    'error',
    ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance'].map((name) => ({ name, message: clock })),
    { name: 'crypto', message: chance },
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: clock },
    { object: 'Math', property: 'random', message: chance },
    ...['hrtime', 'nextTick', 'uptime'].map((property) => ({ object: 'process', property, message: clock })),
    ...['setTimeout', 'setInterval', 'setImmediate', 'performance', 'crypto'].map((property) => ({
      object: 'globalThis',
      property,
      message: clock,
    })),
  ],
  'no-restricted-syntax': [
    'error',
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: clock },
    { selector: "CallExpression[callee.name='Date']", message: clock },
  ],
};
const timeModules = ['node:timers', 'node:timers/promises', 'timers', 'timers/promises', 'node:perf_hooks', 'perf_hooks'].map((name) => ({
  name,
  message: clock,
}));
const chanceModules = ['node:crypto', 'crypto'].map((name) => ({
  name,
  importNames: ['randomBytes', 'randomInt', 'randomUUID', 'randomFill', 'randomFillSync', 'getRandomValues', 'webcrypto', 'default'],
  message: chance,
}));

export default tseslint.config(
  { ignores: ['node_modules/', '.evenkeel/', 'coverage/', '**/*.cjs'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off', // a port's memory adapter is async by contract and has nothing to await
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['engine/**/*.ts', 'admin/**/*.ts', 'simulator/**/*.ts', 'tests/simulation/**/*.ts'],
    ignores: ['engine/time/**', 'tests/simulation/scheduler.ts'],
    rules: { ...ports, 'no-restricted-imports': ['error', { paths: [...timeModules, ...chanceModules] }] },
  },
  {
    // An implementation may have fewer parameters than its port: where all of them are needed, one that stands before another
    // cannot leave any out.
    files: ['engine/exchanges/exchange.ts', 'engine/coordination/coordination.ts', 'engine/persistence/*-store.ts'],
    rules: {
      'no-restricted-syntax': [
        ...ports['no-restricted-syntax'],
        ...['TSMethodSignature[optional=true]', 'TSMethodSignature > .params[optional=true]'].map((selector) => ({
          selector,
          message: 'A port has nothing optional: whoever passes it on could drop it unseen. Make it null where there is none.',
        })),
      ],
    },
  },
  {
    // The composition root, and where secrets are made: those must not be predictable.
    files: ['engine/compose.ts', 'engine/database/embedded-postgres.ts', 'admin/tokens.ts', 'admin/server.ts', 'simulator/main.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: timeModules }] },
  },
  {
    // Nothing that ships switches a safety element off: the simulation alone names other values.
    files: ['engine/compose.ts', 'engine/main.ts', 'engine/embedded.ts', 'engine/config.ts', 'admin/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        ...ports['no-restricted-syntax'],
        {
          selector: "Property[key.name='safety'], Property[key.value='safety']",
          message: 'The safety of the order protocol is whole by default; it is not an option.',
        },
      ],
    },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
);
