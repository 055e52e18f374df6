// A provider that has the schema of another one and no network: Terraform checks configuration against it, applies it
// and plans again, where the real provider cannot be had or must not act. It reads schema.json beside itself, which is
// what `terraform providers schema -json` printed for the one provider.
//
// It has none of the real one's own validations. It keeps what it is told and makes up what a provider computes, so a
// change in a second plan is the configuration's own: a value that differs from itself, or one that the schema does
// not let stand.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func main() {
	schemas, err := read()
	if err != nil {
		log.Fatal(err)
	}
	serve := func() tfprotov6.ProviderServer { return &standIn{schemas: schemas} }
	if err := tf6server.Serve(schemas.address, serve); err != nil {
		log.Fatal(err)
	}
}

// What `terraform providers schema -json` prints, as far as it is needed.
type printed struct {
	Schemas map[string]struct {
		Provider    schema            `json:"provider"`
		Resources   map[string]schema `json:"resource_schemas"`
		DataSources map[string]schema `json:"data_source_schemas"`
	} `json:"provider_schemas"`
}

type schema struct {
	Version int64 `json:"version"`
	Block   block `json:"block"`
}

type block struct {
	Attributes map[string]attribute `json:"attributes"`
	BlockTypes map[string]struct {
		NestingMode string `json:"nesting_mode"`
		Block       block  `json:"block"`
		MinItems    int64  `json:"min_items"`
		MaxItems    int64  `json:"max_items"`
	} `json:"block_types"`
}

type attribute struct {
	Type       json.RawMessage `json:"type"`
	NestedType *struct {
		Attributes  map[string]attribute `json:"attributes"`
		NestingMode string               `json:"nesting_mode"`
	} `json:"nested_type"`
	Required  bool `json:"required"`
	Optional  bool `json:"optional"`
	Computed  bool `json:"computed"`
	Sensitive bool `json:"sensitive"`
	WriteOnly bool `json:"write_only"`
}

type served struct {
	address string
	answer  tfprotov6.GetProviderSchemaResponse
}

func read() (*served, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(filepath.Dir(executable), "schema.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all printed
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(all.Schemas) != 1 {
		return nil, fmt.Errorf("%s holds the schemas of %d providers, not of one", path, len(all.Schemas))
	}
	out := &served{answer: tfprotov6.GetProviderSchemaResponse{
		ResourceSchemas:   map[string]*tfprotov6.Schema{},
		DataSourceSchemas: map[string]*tfprotov6.Schema{},
	}}
	for address, of := range all.Schemas {
		out.address = address
		if out.answer.Provider, err = of.Provider.served(); err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		for name, resource := range of.Resources {
			if out.answer.ResourceSchemas[name], err = resource.served(); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		for name, source := range of.DataSources {
			if out.answer.DataSourceSchemas[name], err = source.served(); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return out, nil
}

func (s schema) served() (*tfprotov6.Schema, error) {
	body, err := s.Block.served()
	return &tfprotov6.Schema{Version: s.Version, Block: body}, err
}

var blockModes = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
	"list":   tfprotov6.SchemaNestedBlockNestingModeList,
	"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
	"map":    tfprotov6.SchemaNestedBlockNestingModeMap,
	"group":  tfprotov6.SchemaNestedBlockNestingModeGroup,
}

var objectModes = map[string]tfprotov6.SchemaObjectNestingMode{
	"single": tfprotov6.SchemaObjectNestingModeSingle,
	"list":   tfprotov6.SchemaObjectNestingModeList,
	"set":    tfprotov6.SchemaObjectNestingModeSet,
	"map":    tfprotov6.SchemaObjectNestingModeMap,
}

func (b block) served() (*tfprotov6.SchemaBlock, error) {
	attributes, err := attributesServed(b.Attributes)
	if err != nil {
		return nil, err
	}
	out := &tfprotov6.SchemaBlock{Attributes: attributes}
	for name, nested := range b.BlockTypes {
		mode, known := blockModes[nested.NestingMode]
		if !known {
			return nil, fmt.Errorf("block %s nests as %q", name, nested.NestingMode)
		}
		body, err := nested.Block.served()
		if err != nil {
			return nil, err
		}
		out.BlockTypes = append(out.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name, Block: body, Nesting: mode, MinItems: nested.MinItems, MaxItems: nested.MaxItems,
		})
	}
	return out, nil
}

func attributesServed(attributes map[string]attribute) ([]*tfprotov6.SchemaAttribute, error) {
	var out []*tfprotov6.SchemaAttribute
	for name, a := range attributes {
		served := &tfprotov6.SchemaAttribute{
			Name: name, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive,
			WriteOnly: a.WriteOnly,
		}
		if a.NestedType != nil {
			mode, known := objectModes[a.NestedType.NestingMode]
			if !known {
				return nil, fmt.Errorf("attribute %s nests as %q", name, a.NestedType.NestingMode)
			}
			nested, err := attributesServed(a.NestedType.Attributes)
			if err != nil {
				return nil, err
			}
			served.NestedType = &tfprotov6.SchemaObject{Attributes: nested, Nesting: mode}
		} else {
			// The one reader of this notation that the library has; its successor is not public.
			kind, err := tftypes.ParseJSONType(a.Type) //nolint:staticcheck
			if err != nil {
				return nil, fmt.Errorf("attribute %s: %w", name, err)
			}
			served.Type = kind
		}
		out = append(out, served)
	}
	return out, nil
}

// standIn answers what validation, plan, apply and refresh ask. Every other method is of the embedded interface, which
// is nil: calling one ends the plugin, and Terraform says so.
type standIn struct {
	tfprotov6.ProviderServer
	schemas *served
}

func (s *standIn) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	answer := s.schemas.answer
	return &answer, nil
}

func (s *standIn) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	answer := &tfprotov6.GetMetadataResponse{}
	for name := range s.schemas.answer.ResourceSchemas {
		answer.Resources = append(answer.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for name := range s.schemas.answer.DataSourceSchemas {
		answer.DataSources = append(answer.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	return answer, nil
}

func (s *standIn) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *standIn) ValidateProviderConfig(_ context.Context, request *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (s *standIn) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (s *standIn) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (s *standIn) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

// What Terraform proposes, with what a provider computes left to the apply.
func (s *standIn) PlanResourceChange(_ context.Context, request *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	schema := s.schemas.answer.ResourceSchemas[request.TypeName]
	proposed, err := request.ProposedNewState.Unmarshal(schema.ValueType())
	if err != nil {
		return nil, err
	}
	prior, err := request.PriorState.Unmarshal(schema.ValueType())
	if err != nil {
		return nil, err
	}
	if proposed.IsNull() || !prior.IsNull() {
		return &tfprotov6.PlanResourceChangeResponse{PlannedState: request.ProposedNewState}, nil
	}
	planned, err := blockPlanned(schema.Block, proposed)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(schema.ValueType(), planned)
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: &state}, err
}

func blockPlanned(block *tfprotov6.SchemaBlock, value tftypes.Value) (tftypes.Value, error) {
	return objectPlanned(block.Attributes, value, block.BlockTypes)
}

// A copy of an object in which every computed member that is null is unknown.
func objectPlanned(attributes []*tfprotov6.SchemaAttribute, value tftypes.Value, blocks []*tfprotov6.SchemaNestedBlock) (tftypes.Value, error) {
	if value.IsNull() || !value.IsKnown() {
		return value, nil
	}
	members := map[string]tftypes.Value{}
	if err := value.As(&members); err != nil {
		return value, err
	}
	for _, attribute := range attributes {
		member := members[attribute.Name]
		var err error
		switch {
		case member.IsNull() && attribute.Computed:
			member = tftypes.NewValue(member.Type(), tftypes.UnknownValue)
		case attribute.NestedType != nil:
			member, err = eachObject(member, func(object tftypes.Value) (tftypes.Value, error) {
				return objectPlanned(attribute.NestedType.Attributes, object, nil)
			})
		}
		if err != nil {
			return value, fmt.Errorf("%s: %w", attribute.Name, err)
		}
		members[attribute.Name] = member
	}
	for _, block := range blocks {
		member, err := eachObject(members[block.TypeName], func(object tftypes.Value) (tftypes.Value, error) {
			return blockPlanned(block.Block, object)
		})
		if err != nil {
			return value, fmt.Errorf("%s: %w", block.TypeName, err)
		}
		members[block.TypeName] = member
	}
	return tftypes.NewValue(value.Type(), members), nil
}

// The objects of a value, which is one or a collection of them, replaced.
func eachObject(value tftypes.Value, replaced func(tftypes.Value) (tftypes.Value, error)) (tftypes.Value, error) {
	if value.IsNull() || !value.IsKnown() {
		return value, nil
	}
	if value.Type().Is(tftypes.Object{}) {
		return replaced(value)
	}
	if value.Type().Is(tftypes.Map{}) {
		entries := map[string]tftypes.Value{}
		if err := value.As(&entries); err != nil {
			return value, err
		}
		for key, entry := range entries {
			var err error
			if entries[key], err = replaced(entry); err != nil {
				return value, err
			}
		}
		return tftypes.NewValue(value.Type(), entries), nil
	}
	var entries []tftypes.Value
	if err := value.As(&entries); err != nil {
		return value, err
	}
	for i := range entries {
		var err error
		if entries[i], err = replaced(entries[i]); err != nil {
			return value, err
		}
	}
	return tftypes.NewValue(value.Type(), entries), nil
}

func (s *standIn) ApplyResourceChange(_ context.Context, request *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	state, err := computed(s.schemas.answer.ResourceSchemas[request.TypeName].ValueType(), request.PlannedState)
	return &tfprotov6.ApplyResourceChangeResponse{NewState: state}, err
}

// A value in which what was unknown is made up: always the same, so that nothing depends on the run.
func computed(kind tftypes.Type, value *tfprotov6.DynamicValue) (*tfprotov6.DynamicValue, error) {
	planned, err := value.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	made, err := tftypes.Transform(planned, func(_ *tftypes.AttributePath, part tftypes.Value) (tftypes.Value, error) {
		if part.IsKnown() {
			return part, nil
		}
		switch {
		case part.Type().Is(tftypes.String):
			return tftypes.NewValue(part.Type(), "made-up"), nil
		case part.Type().Is(tftypes.Number):
			return tftypes.NewValue(part.Type(), 1), nil
		case part.Type().Is(tftypes.Bool):
			return tftypes.NewValue(part.Type(), false), nil
		}
		return tftypes.NewValue(part.Type(), nil), nil
	})
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(kind, made)
	return &state, err
}

func (s *standIn) ReadResource(_ context.Context, request *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: request.CurrentState}, nil
}

func (s *standIn) UpgradeResourceState(_ context.Context, request *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	kind := s.schemas.answer.ResourceSchemas[request.TypeName].ValueType()
	value, err := request.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(kind, value)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (s *standIn) ReadDataSource(_ context.Context, request *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	schema := s.schemas.answer.DataSourceSchemas[request.TypeName]
	value, err := request.Config.Unmarshal(schema.ValueType())
	if err != nil {
		return nil, err
	}
	planned, err := blockPlanned(schema.Block, value)
	if err != nil {
		return nil, err
	}
	asked, err := tfprotov6.NewDynamicValue(schema.ValueType(), planned)
	if err != nil {
		return nil, err
	}
	state, err := computed(schema.ValueType(), &asked)
	return &tfprotov6.ReadDataSourceResponse{State: state}, err
}

func (s *standIn) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}
