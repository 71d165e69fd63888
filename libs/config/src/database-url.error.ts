/** `DATABASE_URL` cannot be used. The message says why and shows no part of the URL. */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError';

  constructor(
    /** What is wrong, worded to follow the name of the key. */
    readonly problem: string,
  ) {
    super(`DATABASE_URL ${problem}`);
  }
}
