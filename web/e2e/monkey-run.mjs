// `make monkey SEED=7`: five browsers, 1,000 actions each (ACTIONS=); figures as one line of JSON, last.
import { monkey } from "./monkey.mjs";

const seed = Number(process.env.SEED || Date.now() % 100_000);
console.log(`seed ${seed}`);
const figures = await monkey({ seed, actions: Number(process.env.ACTIONS || 1_000) });
console.log(JSON.stringify(figures));
process.exit(figures.identical && figures.lost_characters + figures.schema_errors + figures.undo_errors === 0 ? 0 : 1);
