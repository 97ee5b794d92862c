// Dependencies point one way (CONTRIBUTING.md):
// main -> supervisor -> bot -> {market, orders, accounts, coordination} -> exchanges, accounts -> orders; trading, strategies, indicators and matching are pure.
/** What a kill switch is: the pure file of its room. */
const killSwitchWords = '^engine/kill-switch/kill-switch\\.ts$';
const pure = ['trading', 'strategies', 'indicators', 'matching'];
const rooms = (list) => `^engine/(${list.join('|')})/`;
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid('no-cycles', 'A cycle means that two files are one concept or that a direction is wrong.', {}, { circular: true }),
    forbid(
      'pure-rooms-import-only-pure',
      'trading, strategies, indicators and matching have no clock, randomness or I/O.',
      { path: [rooms(pure), killSwitchWords] },
      { pathNot: [rooms(pure), killSwitchWords, '^node_modules/(decimal\\.js|technicalindicators)/'] },
    ),
    forbid(
      'indicators-know-candles-only',
      'They are computed for whoever reads them: strategies, and the market that shares them.',
      { path: rooms(['indicators']) },
      { path: rooms(['strategies', 'matching']) },
    ),
    forbid(
      'indicators-are-computed-in-one-room',
      'Where the library falls short is known there.',
      { path: '^(engine/(?!indicators/)|admin/|simulator/|entities/)' },
      { path: '^node_modules/technicalindicators/' },
    ),
    forbid(
      'matching-stands-below',
      'Decisions do not know how an exchange matches.',
      { path: rooms(['trading', 'strategies', 'indicators']) },
      { path: rooms(['matching']) },
    ),
    forbid(
      'exchanges-stand-low',
      'An exchange adapter knows nothing of bots, orders, accounts or the market feed.',
      { path: rooms(['exchanges']) },
      { path: rooms(['bot', 'supervisor', 'orders', 'accounts', 'market', 'persistence', 'coordination']) },
    ),
    forbid(
      'market-knows-no-bots',
      'The feed serves bots; it does not know them.',
      { path: rooms(['market']) },
      { path: rooms(['bot', 'supervisor', 'orders', 'accounts', 'persistence']) },
    ),
    forbid(
      'coordination-knows-no-one',
      'Coordination is a leaf.',
      { path: rooms(['coordination']) },
      { path: rooms(['bot', 'supervisor', 'orders', 'accounts', 'market', 'exchanges', 'persistence']) },
    ),
    forbid(
      'orders-know-no-bots',
      'The order protocol is told what to send; it does not know actors.',
      { path: rooms(['orders', 'accounts']) },
      { path: rooms(['bot', 'supervisor', 'market']) },
    ),
    forbid(
      'orders-know-no-accounts',
      'An account stands above the orders that are placed on it; they ask it through AccountFacts.',
      { path: rooms(['orders']) },
      { path: rooms(['accounts']) },
    ),
    forbid(
      'database-knows-no-rows',
      'Opening the database, its connections and its locks: what is done with rows stands in other rooms.',
      { path: rooms(['database']) },
      { path: '^engine/(?!database/|time/|observe/|crash-points\\.ts$)' },
    ),
    forbid(
      'database-is-opened-at-the-top',
      'Rooms that run bots are handed stores; only units of work, the kill switch and the composition touch the database.',
      { path: rooms(['bot', 'supervisor', 'orders', 'accounts', 'market', 'exchanges', 'coordination', 'observe', 'time']) },
      { path: rooms(['database']) },
    ),
    forbid(
      'persistence-knows-rows-only',
      'Units of work know entities and the pure rooms.',
      { path: rooms(['persistence']) },
      { path: rooms(['bot', 'supervisor', 'orders', 'accounts', 'market', 'exchanges', 'coordination']) },
    ),
    forbid(
      'kill-switch-needs-nothing-but-disk-and-rows',
      'It works while Redis and the exchange are away, and it does not know whom it stops.',
      { path: rooms(['kill-switch']) },
      { path: rooms(['bot', 'supervisor', 'orders', 'accounts', 'market', 'exchanges', 'coordination']) },
    ),
    forbid(
      'kill-switch-is-handed-in',
      'The composition root starts it; others know the words, and ask what they were given.',
      { path: '^engine/(?!kill-switch/|(main|compose|fleet)\\.ts$)' },
      { path: rooms(['kill-switch']), pathNot: killSwitchWords },
    ),
    forbid(
      'bot-knows-no-supervisor',
      'A bot is spawned by the supervisor and does not know it.',
      { path: rooms(['bot']) },
      { path: rooms(['supervisor']) },
    ),
    forbid(
      'engine-knows-no-admin',
      'Only the composition root knows the admin plane.',
      { path: '^engine/', pathNot: '^engine/(main|compose)' },
      { path: '^admin/' },
    ),
    forbid(
      'composition-knows-no-ablations',
      'The composition root takes the safety of the order protocol as it is by default; configuration cannot name another.',
      { path: '^(engine/(compose|main|config|embedded|venue)\\.ts$|admin/|migrations/|simulator/)' },
      { path: '^engine/safety\\.ts$' },
    ),
    forbid(
      'entities-are-leaves',
      'Entities know no room but the pure ones and the money type.',
      { path: '^entities/' },
      { path: '^(engine/(?!trading/|kill-switch/kill-switch\\.ts|persistence/(money-type|percent-type|state-data))|admin|simulator)' },
    ),
    forbid(
      'product-knows-no-tests',
      'Nothing that ships imports tests or benches.',
      { path: '^(engine|admin|entities|migrations|simulator)/' },
      { path: '^(tests|bench)/' },
    ),
    forbid(
      'simulator-stands-alone',
      'The simulator shares the pure rooms, the clock and the log with the engine, nothing else.',
      { path: '^simulator/' },
      { path: '^(admin|entities|migrations|engine/(?!(trading|matching|strategies|time|observe)/))' },
    ),
    forbid(
      'production-uses-production-packages',
      'What ships must not import a development package.',
      { path: '^(engine|admin|entities|simulator)/' },
      { dependencyTypes: ['npm-dev'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.cjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
