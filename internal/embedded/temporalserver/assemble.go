package temporalserver

import (
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"

	"agentfactory/internal/embedded/loopback"
)

const (
	clusterName = "active"                               // what Temporal's own development server calls it
	clusterID   = "6d1f0f5e-6f0c-4b1e-9a53-0f6a3d2c7b11" // tells clusters apart that replicate; ours has no peer
	storeName   = "sqlite"
	shards      = 1 // fixed for the life of a database; SQLite has one writer anyway
)

// ports of the four services and the UI; all but frontend and ui are private to this process.
type ports struct {
	frontend, history, matching, worker, ui int
}

func choosePorts(o Options) (ports, error) {
	frontend, err := choose(o.FrontendPort, usualFrontendPort)
	if err != nil {
		return ports{}, fmt.Errorf("choose Temporal's port: %w", err)
	}
	ui, err := choose(o.UIPort, usualUIPort, frontend)
	if err != nil {
		return ports{}, fmt.Errorf("choose the Temporal UI's port: %w", err)
	}
	inner, err := loopback.Ports(3, frontend, ui)
	if err != nil {
		return ports{}, fmt.Errorf("choose Temporal's inner ports: %w", err)
	}
	return ports{frontend: frontend, ui: ui, history: inner[0], matching: inner[1], worker: inner[2]}, nil
}

// choose takes the wanted port, else the usual one, else any that is not chosen yet.
func choose(wanted, usual int, chosen ...int) (int, error) {
	if wanted != AnyPort {
		return loopback.Port(wanted, usual)
	}
	free, err := loopback.Ports(1, chosen...)
	if err != nil {
		return 0, err
	}
	return free[0], nil
}

func newServer(database string, p ports, logger *slog.Logger) (temporal.Server, error) {
	return temporal.NewServer(
		temporal.WithConfig(serverConfig(database, p)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithLogger(newLogger(logger)),
		temporal.WithDynamicConfigClient(dynamicConfig()),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithStaticHosts(map[primitives.ServiceName]static.Hosts{
			primitives.FrontendService: static.SingleLocalHost(loopback.Address(p.frontend)),
			primitives.HistoryService:  static.SingleLocalHost(loopback.Address(p.history)),
			primitives.MatchingService: static.SingleLocalHost(loopback.Address(p.matching)),
			primitives.WorkerService:   static.SingleLocalHost(loopback.Address(p.worker)),
		}),
	)
}

func serverConfig(database string, p ports) *config.Config {
	conf := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: shards,
			DataStores:       map[string]config.DataStore{storeName: {SQL: liveConfig(database)}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             loopback.Address(p.frontend),
				ClusterID:              clusterID,
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			"frontend": service(p.frontend),
			"history":  service(p.history),
			"matching": service(p.matching),
			"worker":   service(p.worker),
		},
		PublicClient: config.PublicClient{HostPort: loopback.Address(p.frontend)},
	}
	conf.Archival.History.State = "disabled"
	conf.Archival.Visibility.State = "disabled"
	conf.NamespaceDefaults.Archival.History.State = "disabled"
	conf.NamespaceDefaults.Archival.Visibility.State = "disabled"
	conf.Global.Membership.MaxJoinDuration = 30 * time.Second
	conf.Global.Membership.BroadcastAddress = loopback.Host
	return conf
}

func service(grpcPort int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: grpcPort, BindOnIP: loopback.Host}}
}

// dynamicConfig changes what is meant for clusters of many shards and users. The poll
// rates are per shard: at their default of 20 per second our single shard makes every
// workflow task and activity wait 45 ms.
func dynamicConfig() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   2000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      2000,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 2000,
		// People watch runs in the UI and in several terminals at once.
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,
		// A search attribute can be used right after it was registered.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
		// The close of a workflow can miss whoever waits for it: the server keeps one undelivered
		// notification for a waiter and drops the next (service/history/events/notifier.go), so
		// that the result comes when the poll expires. At the default of 20 s that was seen in 4 of
		// 60 short runs on a busy machine.
		dynamicconfig.HistoryLongPollExpirationInterval.Key(): time.Second,
		// One process has nothing to spread a task queue over.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
	}
}
