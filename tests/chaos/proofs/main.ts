/** `npm run prove`: measured proofs against real processes; prints each figure beside its bound and fails when one is missed. */
import { exitWhenTold } from '../../e2e/support/processes.ts';
import { pauses } from './pauses.ts';
import { layGround, print } from './proof.ts';
import type { Proof } from './proof.ts';
import { recovery } from './recovery.ts';
import { streams } from './streams.ts';
import { unknownOutcomes } from './unknown-outcomes.ts';

const proofs: Readonly<Record<string, Proof>> = { 'unknown-outcomes': unknownOutcomes, recovery, pauses, streams };
const help = `Measured proofs against real processes: engines, PostgreSQL, Redis and a simulated exchange of their own.

Examples
  npm run prove                   all of them, one after the other
  npm run prove -- recovery streams

Proofs
${Object.keys(proofs)
  .map((name) => `  ${name}`)
  .join('\n')}

Prints each figure beside its bound; ends with 0 when every bound was kept.
`;
const asked = process.argv.slice(2);
if (asked.includes('--help') || asked.includes('-h')) {
  process.stdout.write(help);
  process.exit(0);
}
const unknown = asked.filter((name) => !Object.hasOwn(proofs, name));
if (unknown.length > 0) {
  process.stderr.write(
    `there is no proof called ${unknown.join(', ')}; there are ${Object.keys(proofs).join(', ')} (all of them when none is named)\n`,
  );
  process.exit(2);
}

exitWhenTold();
let holds = true;
for (const [name, proof] of Object.entries(proofs)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  print(`${name}:`);
  const ground = await layGround();
  for (const finding of await proof(ground)) holds &&= finding.holds;
  await ground.servers.stop();
}
process.exit(holds ? 0 : 1);
