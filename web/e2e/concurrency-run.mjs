// `make concurrency`: the whole table of concurrency.mjs, in turns; figures as one line of JSON, last. ONLY= names a command.
import { allCases, openPair, play } from "./concurrency.mjs";

const only = process.env.ONLY;
const cases = allCases().filter(({ command }) => only === undefined || command === only);
const figures = { cases: 0, lost: 0, carets_moved: 0, comments_loose: 0, blame_wrong: 0 };
const pair = await openPair();
let failed = 0;
try {
  for (const one of cases) {
    figures.cases += 1;
    try {
      const found = await play(pair, one);
      const wrong = Object.entries(found).filter(([, count]) => count > 0);
      for (const [name, count] of wrong) figures[name] += count;
      if (wrong.length > 0) console.log(JSON.stringify({ ...one, ...Object.fromEntries(wrong) }));
    } catch (error) {
      failed += 1;
      console.log(JSON.stringify({ ...one, error: String(error).slice(0, 400) }));
    }
  }
  for (const fault of [...pair.ada.faults, ...pair.grace.faults]) console.log(fault);
  failed += pair.ada.faults.length + pair.grace.faults.length;
} finally {
  await pair.close();
}
const wrong = figures.lost + figures.carets_moved + figures.comments_loose + figures.blame_wrong;
console.log(JSON.stringify(failed === 0 ? figures : { ...figures, failed }));
process.exit(failed === 0 && wrong === 0 ? 0 : 1);
