#!/usr/bin/env bash
# Deploys an example, or brings it up to date:
#
#   examples/deploy.sh examples/url-tool http://localhost:8080 "$TOKEN"
#
# It reads app.json in that folder. What the server already has stays; a script whose source differs gets a new version.
# Needs bash, curl, awk, grep and sed.
set -euo pipefail

usage='usage: examples/deploy.sh FOLDER URL TOKEN'
folder=${1:?$usage} server=${2:?$usage} token=${3:?$usage}

main() {
	local manifest app entry name source id script methods method host preset webhook kind
	manifest=$(flatten <"$folder/app.json")
	app=$(value .slug)

	create "app $app" slug_taken /apps "{\"slug\": \"$app\", \"name\": \"$(value .name)\"}"

	for entry in $(entries .domains); do
		create "domain $(value "$entry")" domain_taken "/apps/$app/domains" "{\"pattern\": \"$(value "$entry")\"}"
	done

	for entry in $(entries .scripts); do
		name=$(value "$entry.name")
		source=$(quote <"$folder/$(value "$entry.file")")
		create "script $name" script_name_taken /scripts "{\"app_id\": \"$app\", \"name\": \"$name\",
			\"description\": \"$(value "$entry.description")\", \"source\": $source}"
		id=$(script_id "$name")
		# Every source that is saved makes a version.
		if [[ "\"$(script_source "$id")\"" != "$source" ]]; then
			call PATCH "/scripts/$id" "{\"source\": $source}" >/dev/null
		fi
	done

	for entry in $(entries .routes); do
		script=$(script_id "$(value "$entry.script")")
		methods=$(for method in $(entries "$entry.methods"); do printf ', "%s"' "$(value "$method")"; done)
		host=$(value "$entry.host")
		preset=$(value "$entry.webhook.preset")
		webhook="\"webhook\": {\"preset\": \"$preset\", \"secret\": \"$(value "$entry.webhook.secret")\"}"
		create "route $(value "$entry.path")" route_conflict /routes "{\"script_id\": \"$script\",
			\"path\": \"$(value "$entry.path")\", \"methods\": [${methods:2}]${host:+, \"host\": \"$host\"}${preset:+, $webhook}}"
	done

	for kind in subscription schedule; do
		for entry in $(entries ".${kind}s"); do
			create "$kind $(value "$entry.name")" name_taken "/apps/$app/${kind}s" "$(binding "$entry")"
		done
	done
}

# create WHAT CODE PATH BODY: posts the body; the problem CODE means that it is there already.
create() {
	local answer
	if answer=$(call POST "$3" "$4"); then
		echo "$1: created"
	elif grep -qF "\"code\":\"$2\"" <<<"$answer"; then
		echo "$1: there already"
	else
		echo "$1: ${answer:-no answer from $server}" >&2
		exit 1
	fi
}

# script_id NAME: the id of the app's script of that name.
script_id() {
	script_ids | awk -F '\t' -v name="$1" '$1 == name { print $2 }'
}

# Lines of the name of each of the app's scripts, tab and its id.
script_ids() {
	call GET "/scripts?app=$app&limit=200" | flatten | awk -F '\t' '
		$1 ~ /^\.items\.[0-9]+\.id$/ { id = $2 }
		$1 ~ /^\.items\.[0-9]+\.name$/ { print $2 "\t" id }'
}

# script_source ID: the source of the live version, with the escapes that it has in JSON.
script_source() {
	call GET "/scripts/$1" | flatten | awk -F '\t' '$1 == ".source" { print $2 }'
}

# call METHOD PATH [BODY]: asks the admin API, prints the answer, and fails if that is an error.
call() {
	curl -s --fail-with-body -X "$1" "$server/api/v1/admin$2" ${3:+-d "$3"} \
		-H "authorization: Bearer $token" -H 'content-type: application/json'
}

# value PATH: what stands there in app.json, or nothing.
value() {
	awk -F '\t' -v path="$1" '$1 == path { print $2 }' <<<"$manifest"
}

# entries PATH: the paths of the entries of the list that stands there.
entries() {
	awk -F '\t' -v path="$1." 'index($1, path) == 1 {
		split(substr($1, length(path) + 1), rest, ".")
		if (!seen[rest[1]]++) print path rest[1]
	}' <<<"$manifest"
}

# binding PATH: the subscription or schedule that stands there, as JSON that has the ids of its scripts for their names.
binding() {
	tokens <"$folder/app.json" | ids=$(script_ids) awk -v wanted="$1" '
		function path(at, text) { for (at = 1; at <= depth; at++) text = text "." key[at]; return text }
		function put(token) { if (inside) printf "%s", token }
		function is_script(place) {
			place = path()
			return place == wanted ".script" || place == wanted ".on_success.script" || place == wanted ".on_failure.script"
		}
		BEGIN {
			count = split(ENVIRON["ids"], lines, "\n")
			for (at = 1; at <= count; at++) { split(lines[at], pair, "\t"); id[pair[1]] = pair[2] }
		}
		$0 == "{" || $0 == "[" {
			if (path() == wanted) inside = depth + 1
			put($0); list[++depth] = ($0 == "["); key[depth] = 0; after_colon = 0; next
		}
		$0 == "}" || $0 == "]" { put($0); depth--; if (inside == depth + 1) inside = 0; next }
		$0 == "," { put($0); if (list[depth]) key[depth]++; next }
		$0 == ":" { put($0); after_colon = 1; next }
		{ text = $0; sub(/^"/, "", text); sub(/"$/, "", text) }
		list[depth] { put($0); next }
		after_colon { put(is_script() ? "\"" id[text] "\"" : $0); after_colon = 0; next }
		{ key[depth] = text; put(is_script() ? "\"script_id\"" : $0) }'
}

# Turns JSON into lines of path, tab and value, such as `.scripts.0.name	tool`. Texts keep their escapes.
flatten() {
	tokens | awk '
		function path(at, text) { for (at = 1; at <= depth; at++) text = text "." key[at]; return text }
		$0 == "{" || $0 == "[" { list[++depth] = ($0 == "["); key[depth] = 0; after_colon = 0; next }
		$0 == "}" || $0 == "]" { depth--; next }
		$0 == "," { if (list[depth]) key[depth]++; next }
		$0 == ":" { key[depth] = text; after_colon = 1; next }
		{ text = $0; sub(/^"/, "", text); sub(/"$/, "", text) }
		list[depth] || after_colon { print path() "\t" text; after_colon = 0 }'
}

# Turns JSON into lines of one token each.
tokens() {
	grep -oE '"([^"\\]|\\.)*"|[][{}:,]|[^][{}:,"[:space:]]+'
}

# Turns text into a JSON string.
quote() {
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' -e 's/\r/\\r/g' |
		awk 'BEGIN { printf "\"" } { printf "%s\\n", $0 } END { printf "\"" }'
}

main
