/** The four characters that mark one installation's client order ids. */
const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/** `randomBelow(n)` answers a whole number from 0 to n - 1. */
export function newInstallationCode(randomBelow: (limit: number) => number): string {
  return Array.from({ length: 4 }, () => alphabet[randomBelow(alphabet.length)] ?? '0').join('');
}
