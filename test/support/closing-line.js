/** The last line of a run, from jest's own result: `12 passed, 0 failed, 1 skipped`. A run without a single test fails. */
class ClosingLine {
  onRunComplete(_contexts, result) {
    const broken = result.testResults.filter((file) => file.testExecError).length;
    const passed = result.numPassedTests;
    const failed = result.numFailedTests + broken;
    const skipped = result.numPendingTests + result.numTodoTests;
    this.failed = failed > 0 || passed === 0;
    // Written by the process's end, so that it follows jest's own summary on stderr.
    process.once('exit', () => process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`));
  }

  getLastError() {
    return this.failed ? new Error('A test failed, or none ran.') : undefined;
  }
}

module.exports = ClosingLine;
