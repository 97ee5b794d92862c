/** Whether a signed request came in time: not from the future, not older than its receive window. */
import type { Parameters } from './parameters.ts';
import { VenueRefusal } from './refusal.ts';
import type { VenueTime } from './venue-time.ts';

const defaultWindowMs = 5_000;
const maxWindowMs = 60_000;
const aheadMs = 1_000;
/** Timestamps may be microseconds; as milliseconds these would lie in the year 5138. */
const microsecondsFrom = 1e14;

/** At N times the wall's pace a request ages N times as fast, so the tolerances are N times as wide. */
export function checkTiming(time: VenueTime, parameters: Parameters): void {
  const sent = parameters.integer('timestamp');
  if (sent === undefined) throw new VenueRefusal(400, -1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.");
  const windowText = parameters.text('recvWindow');
  if (windowText !== undefined && !/^\d{1,6}(\.\d{1,3})?$/.test(windowText))
    throw new VenueRefusal(
      400,
      -1100,
      "Illegal characters found in parameter 'recvWindow'; legal range is '^([0-9]{1,6})(\\.[0-9]{1,3})?$'.",
    );
  const recvWindow = windowText === undefined ? defaultWindowMs : Number(windowText);
  if (recvWindow > maxWindowMs) throw new VenueRefusal(400, -1131, 'recvWindow must be less than 60000.');
  const now = time.told();
  const timestamp = sent >= microsecondsFrom ? sent / 1_000 : sent;
  if (timestamp >= now + aheadMs * time.factor)
    throw new VenueRefusal(400, -1021, `Timestamp for this request was 1000ms ahead of the server's time.`);
  if (now - timestamp > recvWindow * time.factor)
    throw new VenueRefusal(400, -1021, 'Timestamp for this request is outside of the recvWindow.');
}
