/**
 * The settings that every session of ours relies on, set when it is opened: those of the database, the role or the server may be made for
 * somebody else's reports, and must not change what a time, a number or a table's name means here.
 */

const settings = {
  DateStyle: 'ISO,YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  // No other schema comes before ours, and no temporary table hides one of ours.
  search_path: 'public,pg_temp',
  extra_float_digits: '1',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  lc_numeric: 'C',
  lc_monetary: 'C',
  lc_time: 'C',
} as const;

/** For the driver's `options`, which override the settings of database and role. */
export const sessionOptions = Object.entries(settings)
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');
