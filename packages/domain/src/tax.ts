/**
 * The tax in a price that includes it, as the shop computes it: the net price is rounded half up. Both are decimal numbers,
 * the rate in percent: of "149.00" at "19.00" it is "23.79". With as many decimals as the price; exact at any size.
 */
export function taxIn(price: string, rate: string): string {
  const gross = unscaled(price);
  const percent = unscaled(rate);
  const hundred = 100n * 10n ** BigInt(percent.places);
  const whole = hundred + percent.digits;
  // Half of the divisor more, so that the division rounds to the nearest.
  const net = (2n * gross.digits * hundred + whole) / (2n * whole);
  return scaled(gross.digits - net, gross.places);
}

function unscaled(decimal: string): { digits: bigint; places: number } {
  const [whole = '', fraction = ''] = decimal.split('.');
  return { digits: BigInt(whole + fraction), places: fraction.length };
}

function scaled(digits: bigint, places: number): string {
  if (places === 0) return String(digits);
  const text = String(digits).padStart(places + 1, '0');
  return `${text.slice(0, -places)}.${text.slice(-places)}`;
}
