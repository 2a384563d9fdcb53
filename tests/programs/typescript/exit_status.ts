const failures: string[] = ["one", "two"];
for (const failure of failures) console.error(`failed: ${failure}`);
process.exit(failures.length);
