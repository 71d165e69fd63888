/** Where there is no limit the kernel reports a huge number, not always the same one. */
const NO_LIMIT_FROM_BYTES = 2 ** 60;

/**
 * The memory limit of this process, in bytes; `undefined` where there is none.
 *
 * @param constrained what Node found out: 0 or a huge number mean no limit
 */
export function memoryLimitBytes(constrained: number = process.constrainedMemory()): number | undefined {
  return constrained > 0 && constrained < NO_LIMIT_FROM_BYTES ? constrained : undefined;
}
