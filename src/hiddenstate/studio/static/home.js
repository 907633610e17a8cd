export async function homePage(main) { main.replaceChildren('home'); }
