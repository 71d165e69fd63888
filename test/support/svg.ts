/** What every picture that is drawn by code needs. */

/** Of a page's own letters. */
export const FONT = `system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif`;

/** Text that may stand in an element, or in an attribute. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** A coordinate, as exactly as anybody can see. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
