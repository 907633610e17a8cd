/** @param {any} main  */
export async function runsPage(main) { main.replaceChildren('runs'); }
