// Reads a dashboard by the types that Grafana publishes for it: go run . DASHBOARD
//
// A panel that is none, a field that dashboard, panel or query does not have, or one of another type, ends it with 1. What
// is left out is no mistake: Grafana puts its defaults there.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	var wrong []string
	if err := new(dashboard.Dashboard).UnmarshalJSONStrict(raw); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			if !strings.HasSuffix(line, "required field is missing from input") {
				wrong = append(wrong, line)
			}
		}
	}
	var read dashboard.Dashboard
	if err := json.Unmarshal(raw, &read); err != nil {
		fail(err.Error())
	}
	for _, panel := range read.Panels {
		if panel.Panel == nil {
			continue
		}
		if _, known := cog.ConfigForPanelcfgVariant(panel.Panel.Type); !known {
			wrong = append(wrong, "no such panel: "+panel.Panel.Type)
		}
	}
	if len(wrong) > 0 {
		fail(wrong...)
	}
	fmt.Printf("%d panels and rows as Grafana's types have them\n", len(read.Panels))
}

func fail(why ...string) {
	fmt.Fprintln(os.Stderr, strings.Join(why, "\n"))
	os.Exit(1)
}
