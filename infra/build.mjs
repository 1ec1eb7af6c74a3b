import { build } from './prepare.mjs';

process.exitCode = build() ? 0 : 1;
