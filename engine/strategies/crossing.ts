/** 1 where a difference rises above zero, -1 where it falls below, else 0. A touch is no crossing, leaving one is; NaN never crosses. */
export function crossing(before: number, now: number): -1 | 0 | 1 {
  if (before <= 0 && now > 0) return 1;
  return before >= 0 && now < 0 ? -1 : 0;
}
