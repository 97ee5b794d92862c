/**
 * What every session of ours relies on, told when it is opened: a database, a role or a server may be set up for somebody else's
 * reports, and must not change what a time, a number or a table's name means here.
 */

const settings = {
  DateStyle: 'ISO,YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  // Nobody's schema before ours, and no table of somebody's session in place of one of ours.
  search_path: 'public,pg_temp',
  extra_float_digits: '1',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  lc_numeric: 'C',
  lc_monetary: 'C',
  lc_time: 'C',
} as const;

/** For the driver's `options`: stands above what the database and the role are set to. */
export const sessionOptions = Object.entries(settings)
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');
