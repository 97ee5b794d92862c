/** "Did you mean ...?": the known name that is spelt most like one that is not known. */

/** Longer names are no typing errors. */
const lengthMax = 60;

/** Null when none is near (more than a third of the longer name differs). Case and underscores do not count. */
export function nearName(name: string, known: readonly string[]): string | null {
  if (name.length > lengthMax) return null;
  let nearest: { readonly name: string; readonly distance: number } | null = null;
  for (const one of known) {
    const [a, b] = [bare(name), bare(one)];
    const distance = editDistance(a, b);
    if (distance <= Math.max(a.length, b.length) / 3 && distance < (nearest?.distance ?? Infinity)) nearest = { name: one, distance };
  }
  return nearest?.name ?? null;
}

function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '');
}

/** Letters to insert, delete or replace (Levenshtein), one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1];
    for (const [column, other] of [...b].entries())
      next.push(Math.min((next[column] ?? 0) + 1, (row[column + 1] ?? 0) + 1, (row[column] ?? 0) + (letter === other ? 0 : 1)));
    row = next;
  }
  return row.at(-1) ?? 0;
}
