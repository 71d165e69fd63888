/**
 * Ends the output with one line that any pipeline can read, `N passed, N failed`, and `, N skipped` if any. Above it
 * stands why they were: each reason that `unless.ts` put into a test's name, with the number of tests.
 */
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = results;
    const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
    const reasons = new Map();
    for (const { fullName, status } of results.testResults.flatMap(({ testResults }) => testResults)) {
      const reason = status === 'pending' && /\(skipped: (.+?)\)(?= |$)/.exec(fullName)?.[1];
      if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    const why = [...reasons].map(([reason, tests]) => `skipped ${tests}: ${reason}\n`).join('');
    // A test file that cannot even load has no failed test of its own: it counts as one.
    this.lines = `${why}${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed${skipped}\n`;
    process.on('exit', () => process.stdout.write(this.lines));
  }
}
