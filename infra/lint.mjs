/*
 * Types and rules of all sources and tests: what `tsc -p tsconfig.check.json` and `eslint . --max-warnings=0` say. ESLint's
 * rules ask for types, so both use one program: it is parsed and checked once.
 */
import path from 'node:path';
import { ESLint } from 'eslint';
import ts from 'typescript';
import { root } from './prepare.mjs';

const program = programOf(path.join(root, 'tsconfig.check.json'));
const errors = ts.getPreEmitDiagnostics(program);
const eslint = new ESLint({
  cwd: root,
  overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions: { programs: [program] } } },
});
const results = await eslint.lintFiles(['.']);

const names = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' };
process.stdout.write(ts.formatDiagnostics(errors, names));
process.stdout.write(await (await eslint.loadFormatter('stylish')).format(results));
const complaints = results.reduce(
  (sum, { errorCount, warningCount }) => sum + errorCount + warningCount,
  errors.length,
);
process.exitCode = complaints === 0 ? 0 : 1;

function programOf(file) {
  const { fileNames, options, errors } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(file, ts.sys.readFile).config,
    ts.sys,
    path.dirname(file),
    undefined,
    file,
  );
  return ts.createProgram({ rootNames: fileNames, options, configFileParsingDiagnostics: errors });
}
