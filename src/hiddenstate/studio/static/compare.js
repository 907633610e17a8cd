export async function comparePage(main) { main.replaceChildren('compare'); }
