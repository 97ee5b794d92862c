/**
 * Comparisons of Decimals are method calls, which Stryker does not know as comparisons: each is shifted by its bound (`lt` to `lte`)
 * and turned round (`lt` to `gte`). Stryker has no interface for own mutators, so its list is imported by its internal path, which exists in
 * the pinned version and fails loudly in another.
 */
import { allMutators } from '../../node_modules/@stryker-mutator/instrumenter/dist/src/mutators/mutate.js';

const turned = new Map([
  ['lt', ['lte', 'gte']],
  ['lte', ['lt', 'gt']],
  ['gt', ['gte', 'lte']],
  ['gte', ['gt', 'lt']],
]);

export function mutateDecimalComparisons() {
  allMutators.push({
    name: 'DecimalComparison',
    *mutate(path) {
      if (!path.isCallExpression()) return;
      const { callee } = path.node;
      if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return;
      for (const name of turned.get(callee.property.name) ?? []) {
        const mutated = structuredClone(path.node);
        mutated.callee.property.name = name;
        yield mutated;
      }
    },
  });
}
