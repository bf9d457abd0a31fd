// Runs before the first paint. Storage may be forbidden; then the system decides.
try {
	const theme = localStorage.getItem('picloud.theme');
	if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {}
{
__sveltekit_315k0z = {
base: "/admin",
assets: "/admin"
};

const element = document.currentScript.parentElement;

Promise.all([
import("/admin/_app/immutable/entry/start.BMB5UdFA.js"),
import("/admin/_app/immutable/entry/app.lKiFht7-.js")
]).then(([kit, app]) => {
kit.start(app, element);
});
}
