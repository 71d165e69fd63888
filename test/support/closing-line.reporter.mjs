/** Ends the output with one line that any pipeline can read: `N passed, N failed`, and `, N skipped` if any. */
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = results;
    const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
    // A test file that cannot even load has no failed test of its own: it counts as one.
    this.line = `${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed${skipped}\n`;
    process.on('exit', () => process.stdout.write(this.line));
  }
}
