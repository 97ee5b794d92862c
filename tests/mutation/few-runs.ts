/** Properties are asked a few times for each mutant, always with the same draws: a mutant that survives, survives the next run too. */
import fc from 'fast-check';

fc.configureGlobal({ numRuns: 20, seed: 1, endOnFailure: true });
